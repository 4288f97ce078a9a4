import type { IncomingHttpHeaders } from 'node:http';

/** What a provider answered to one request, whatever its status. */
export interface ProviderResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Empty when there is none. */
  readonly body: string;
}

/** An answer that counts as held in memory. */
export interface HeldResponse extends ProviderResponse {
  /** Says that the body has been read: another large one may take its place. */
  readonly release: () => void;
}
