import type { Database } from '../database/index.js';
import type { ProcessLease } from '../database/process-lease.js';
import { Problem, problemOfProvider, retryLater } from '../http/problem.js';
import type { Clock } from '../lib/clock.js';
import { type AnyAdapter, ProviderError } from '../model/index.js';
import { minuteShare } from '../providers/index.js';
import { type ProbeFailure, ProbesRepository } from './probes.repository.js';

/** The share of a provider's rate that people may spend on probes; sweeps live on the rest. */
const SHARE = 0.1;
const MIN_PER_MINUTE = 5;
const MINUTE_MS = 60_000;
const LOOK_EVERY_MS = 50;

/** What is left of a connection's probes in this minute. */
export interface Ration {
  readonly limit: number;
  readonly remaining: number;
  readonly resetSeconds: number;
}

/**
 * Probes of accounts: one at a time for each account, shared by simultaneous requests on all
 * replicas, and limited for each connection.
 */
export class Probes {
  private readonly probes: ProbesRepository;

  constructor(
    database: Database,
    private readonly lease: ProcessLease,
    private readonly clock: Clock,
  ) {
    this.probes = new ProbesRepository(database);
  }

  /**
   * Runs `look`, unless one is under way for the account: then that one is waited for and its end
   * is this one's.
   * @param share the part of the connection's ration that may be used up, for what nobody waits for
   * @throws Problem as the shared one did; 429 `rate_limited` when the connection's ration is used
   * up
   */
  async run(
    account: { readonly id: string; readonly connection_id: string },
    adapter: AnyAdapter,
    look: () => Promise<void>,
    share = 1,
  ): Promise<Ration> {
    const whole = minuteShare(adapter.limits, SHARE, MIN_PER_MINUTE);
    const limit = Math.max(1, Math.floor(whole * share));
    while (!(await this.begin(account.id))) {
      if (await this.follow(account.id)) return this.ration(account.connection_id, limit);
    }
    const failure = await this.attempt(account.connection_id, limit, look);
    await this.probes.finish(account.id, failure && toRow(failure), this.clock.now());
    if (failure) throw failure;
    return this.ration(account.connection_id, limit);
  }

  private async attempt(
    connectionId: string,
    limit: number,
    look: () => Promise<void>,
  ): Promise<Problem | undefined> {
    try {
      await this.take(connectionId, limit);
      await look();
      return undefined;
    } catch (error) {
      if (error instanceof Problem) return error;
      if (error instanceof ProviderError) return problemOfProvider(error);
      return new Problem(
        'internal_error',
        'The probe failed because of an internal error. Try again.',
      );
    }
  }

  /** @returns whether this process is to look; otherwise another one is looking */
  private begin(accountId: string): Promise<boolean> {
    return this.probes.begin(accountId, this.lease.name, this.clock.now());
  }

  /**
   * Waits for the probe under way to end.
   * @returns `false` when the process that was looking is gone
   */
  private async follow(accountId: string): Promise<boolean> {
    const first = await this.probes.find(accountId);
    for (
      let now = first;
      now && now.started_at.getTime() === first?.started_at.getTime();
      now = await this.probes.find(accountId)
    ) {
      if (now.failure) throw fromRow(now.failure);
      if (now.finished_at) return true;
      if (now.is_left) return false;
      await this.clock.sleep(LOOK_EVERY_MS);
    }
    return true;
  }

  private async take(connectionId: string, limit: number): Promise<void> {
    if (await this.probes.takeRation(connectionId, this.minute(), limit)) return;
    const ration = await this.ration(connectionId, limit);
    throw retryLater(
      'rate_limited',
      `The connection has used its ${limit} probes for this minute; sweeps continue.`,
      ration.resetSeconds,
      rationHeaders(ration),
    );
  }

  private async ration(connectionId: string, limit: number): Promise<Ration> {
    const minute = this.minute();
    const used = await this.probes.countUsed(connectionId, minute);
    const resetSeconds = Math.max(
      1,
      Math.ceil((minute.getTime() + MINUTE_MS - this.clock.now().getTime()) / 1000),
    );
    return { limit, remaining: Math.max(0, limit - used), resetSeconds };
  }

  private minute(): Date {
    return new Date(Math.floor(this.clock.now().getTime() / MINUTE_MS) * MINUTE_MS);
  }
}

/** The response headers for a ration. */
export function rationHeaders({ limit, remaining, resetSeconds }: Ration): Record<string, string> {
  return {
    'X-Probe-Limit': String(limit),
    'X-Probe-Remaining': String(remaining),
    'X-Probe-Reset': String(resetSeconds),
  };
}

function toRow({ code, detail, extras, headers }: Problem): ProbeFailure {
  return { code, detail, extras, headers };
}

function fromRow({ code, detail, extras, headers }: ProbeFailure): Problem {
  return new Problem(code, detail, extras, headers);
}
