import { type Database, isExhausted, isPassing } from '../database/index.js';
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
  /** What ends probes that could not be ended while the database was away, by account. */
  private readonly unfinished = new Map<string, () => Promise<void>>();

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
    try {
      await this.take(account.connection_id, limit);
      await look();
    } catch (error) {
      await this.finish(account.id, problemOf(error));
      throw error;
    }
    await this.finish(account.id, undefined);
    return this.ration(account.connection_id, limit);
  }

  /** Ends the probes that could not be ended before. */
  async finishLeft(): Promise<void> {
    for (const finishNow of this.unfinished.values()) await finishNow();
  }

  /** @returns whether this process is to look; otherwise another one is looking */
  private async begin(accountId: string): Promise<boolean> {
    await this.unfinished.get(accountId)?.();
    try {
      return await this.probes.begin(accountId, this.lease.name, this.clock.now());
    } catch (error) {
      // It may have begun, and nobody looks.
      await this.finish(accountId, problemOf(error));
      throw error;
    }
  }

  /**
   * Others wait for the end of a probe as long as this process lives: while the database is away
   * that is left for the next `finishLeft`, or the next probe of the account.
   */
  private async finish(accountId: string, failure: Problem | undefined): Promise<void> {
    const row = failure && toRow(failure);
    const finishNow = async () => {
      await this.probes.finish(accountId, this.lease.name, row, this.clock.now());
      if (this.unfinished.get(accountId) === finishNow) this.unfinished.delete(accountId);
    };
    this.unfinished.set(accountId, finishNow);
    await finishNow().catch((error: unknown) => {
      if (!isPassing(error) && !isExhausted(error)) throw error;
    });
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

/** What those are told who share a probe that failed. */
function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof ProviderError) return problemOfProvider(error);
  const what = 'The probe that this request shared was interrupted.';
  return retryLater('service_unavailable', what, 1);
}

function toRow({ code, detail, extras, headers }: Problem): ProbeFailure {
  return { code, detail, extras, headers };
}

function fromRow({ code, detail, extras, headers }: ProbeFailure): Problem {
  return new Problem(code, detail, extras, headers);
}
