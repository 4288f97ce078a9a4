import { createHash } from 'node:crypto';
import type { AnyAdapter } from '../model/index.js';

/** What the engine must know of a connection to speak for it. */
export interface ProviderConnection {
  readonly id: string;
  /** The adapter's id. */
  readonly provider: string;
  /** Version path included; `null`: the provider's own. */
  readonly baseUrl: string | null;
  /** The secret. */
  readonly apiKey: string;
  /** Key or address were changed and have shown none of the accounts held: absence is no proof. */
  readonly isUnproven?: boolean;
  /** It is being made: its credentials are tried before it is stored. */
  readonly isUnstored?: boolean;
}

/** Where a connection's requests go. */
export interface Base {
  /** `https://host[:port]` */
  readonly origin: string;
  /** The version path, without a slash at its end. */
  readonly pathPrefix: string;
}

/** @throws TypeError when the base URL is invalid */
export function baseOf(adapter: AnyAdapter, connection: ProviderConnection): Base {
  const url = new URL(connection.baseUrl ?? adapter.baseUrl);
  return { origin: url.origin, pathPrefix: url.pathname.replace(/\/+$/, '') };
}

/** Names a connection as long as its key stays the same: a new key starts with a clean slate. */
export function credentialId(connection: ProviderConnection, base: Base): string {
  const keyHash = createHash('sha256').update(connection.apiKey).digest('base64url');
  return `${connection.id} ${connection.provider} ${base.origin} ${keyHash}`;
}
