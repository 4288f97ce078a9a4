import express, { type Response, type Router } from 'express';
import type { Clock } from '../lib/clock.js';
import { hmac } from '../lib/hmac.js';
import type { Logger } from '../lib/logger.js';
import type { Sealer } from '../lib/seal.js';
import type { Providers } from '../providers/index.js';
import type { ConnectionsRepository } from './connections.repository.js';
import type { SealedCredentials } from './sealed-credentials.js';

const MAX_BODY_BYTES = 256 * 1024;
const PATH = '/hooks';

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
      /** Has the sweeps that are due begin. */
      readonly wakeSweeps: () => void;
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
   * Brings the connection's next sweep forward, no more often than its ration allows: what a hook
   * says is a reason to look, and never a verdict.
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
    const { connections, providers, sealed, sealer, clock, wakeSweeps } = this.parts;
    const [id = '', signature = ''] = named.split('.');
    const webhook = providers.adapters.get(provider)?.webhook;
    if (webhook === undefined || !sealer.isSignedBy(subjectOf(id), signature)) return false;
    const row = await connections.findById(id).catch(() => null);
    if (row?.provider !== provider) return false;
    const { current } = sealed.open(row);
    if (!webhook.verify(reported, current, { now: clock.now(), hmac })) return false;
    if (!webhook.isAboutAccounts(reported.body)) return true;
    if (await connections.bringSweepForward(id, clock.now())) wakeSweeps();
    return true;
  }
}

const subjectOf = (id: string) => `hook ${id}`;

function answer(response: Response, status: number): void {
  response.status(status).set('Cache-Control', 'no-store').end();
}
