import express, { type Response, type Router } from 'express';
import type { Clock } from '../lib/clock.js';
import { hmac, isSameSignature } from '../lib/hmac.js';
import type { Logger } from '../lib/logger.js';
import type { Sealer } from '../lib/seal.js';
import type { Providers } from '../providers/index.js';
import type { ConnectionsRepository } from './connections.repository.js';
import type { SealedCredentials } from './sealed-credentials.js';

const MAX_BODY_BYTES = 256 * 1024;
/** A report that names more accounts is looked into by a sweep. */
const MAX_NAMED = 50;
const PATH = '/hooks';

/**
 * Queues a look at each of a connection's accounts, by the provider's ids.
 * @returns whether it has them all
 */
export type LookAt = (connectionId: string, ids: readonly string[]) => Promise<boolean>;

/** Brings a connection's next sweep forward, no more often than its ration allows. */
export type SweepSoon = (connectionId: string) => Promise<void>;

/** Where providers report that something has happened to a connection's accounts. */
export class ProviderHooks {
  constructor(
    private readonly parts: {
      readonly connections: ConnectionsRepository;
      readonly providers: Providers;
      readonly sealed: SealedCredentials;
      readonly sealer: Sealer;
      readonly clock: Clock;
      readonly logger: Logger;
      readonly lookAt: LookAt;
      readonly sweepSoon: SweepSoon;
    },
  ) {}

  /**
   * The secret path of a connection's hook; `null` where the provider has none. It stays the same,
   * and nothing but its signature makes it known here.
   */
  pathOf({ id, provider }: { readonly id: string; readonly provider: string }): string | null {
    const { providers, sealer } = this.parts;
    if (providers.adapters.get(provider)?.webhook === undefined) return null;
    return `${PATH}/${provider}/${id}.${sealer.sign(subjectOf(id))}`;
  }

  /** `POST /hooks/{provider}/{connection}`. Its answers tell nothing of what was found. */
  get router(): Router {
    const text = express.text({ limit: MAX_BODY_BYTES, type: () => true });
    return express.Router().post('/:provider/:connection', text, async (request, response) => {
      const { provider = '', connection = '' } = request.params;
      const body: unknown = request.body;
      const reported = { headers: request.headers, body: typeof body === 'string' ? body : '' };
      const isTaken = await this.take(provider, connection, reported).catch((error: unknown) => {
        this.parts.logger.warn('provider hook failed', {
          provider,
          error: error instanceof Error ? error.name : 'unknown',
        });
        return 'failed' as const;
      });
      answer(response, isTaken === 'failed' ? 503 : isTaken ? 202 : 404);
    });
  }

  /**
   * Has the accounts looked at that the report names, or brings the connection's next sweep forward
   * where it names none or others: what it says is a reason to look, and never a verdict.
   * @returns whether the provider sent it, to a connection that there is
   */
  private async take(
    provider: string,
    named: string,
    reported: {
      readonly headers: Record<string, string | string[] | undefined>;
      readonly body: string;
    },
  ): Promise<boolean> {
    const { connections, providers, sealed, sealer, clock, lookAt, sweepSoon } = this.parts;
    const [id = '', signature = ''] = named.split('.');
    const webhook = providers.adapters.get(provider)?.webhook;
    if (webhook === undefined || !sealer.isSignedBy(subjectOf(id), signature)) return false;
    const row = await connections.findById(id).catch(() => null);
    if (row?.provider !== provider) return false;
    const { current } = sealed.open(row);
    const tools = { now: clock.now(), hmac, isSame: isSameSignature };
    if (!webhook.verify(reported, current, tools)) return false;
    const ids = webhook.accountsIn(jsonOf(reported.body));
    if (ids === null || row.state !== 'active' || row.paused) return true;
    const areAllKnown = ids.length > 0 && ids.length <= MAX_NAMED && (await lookAt(id, ids));
    if (!areAllKnown) await sweepSoon(id);
    return true;
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const subjectOf = (id: string) => `hook ${id}`;

function answer(response: Response, status: number): void {
  response.status(status).set('Cache-Control', 'no-store').end();
}
