import type pg from 'pg';
import type { Database } from '../database/index.js';
import { withTransaction } from '../database/transact.js';
import type { Clock } from '../lib/clock.js';
import type { Registry } from '../providers/index.js';
import { countHeld, platformsExpectedElsewhere } from './expectation.js';
import type { FindingsRepository } from './findings.repository.js';
import {
  BATCH_SIZE,
  type Pass,
  type PassedProfile,
  type PassesRepository,
} from './passes.repository.js';
import { reconcile } from './reconciliation.js';
import type { SubjectsRepository } from './subjects.repository.js';

/** Between the starts of two passes over all profiles of a team, where they are few enough. */
const PASS_EVERY_MS = 300_000;
/** Of one team and run, for a run to end soon. */
const MAX_BATCHES = 100;
/** Those of a pass: that over a million profiles is spread over some ten minutes. */
const MAX_PASS_BATCHES = 20;

const CLOSED_RETENTION_MS = 90 * 86_400_000;

interface FindingsWatchParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly registry: Registry;
  readonly passes: PassesRepository;
  readonly subjects: SubjectsRepository;
  readonly findings: FindingsRepository;
}

/**
 * Opens and closes findings: of profiles that changed, soon after they did, and in a pass over all
 * profiles now and then, for what only time or the other profiles of the team change. One replica at
 * a time is at work on a team, in transactions of one batch each.
 */
export class FindingsWatch {
  constructor(private readonly parts: FindingsWatchParts) {}

  /**
   * Run now and then, by every replica.
   * @throws Error the first that a team failed with, after the others had their turn
   */
  async run(): Promise<void> {
    const { passes, clock } = this.parts;
    let due = await passes.findDue(clock.now());
    const failures: unknown[] = [];
    // In rounds, so that no team waits for all of another's.
    for (let round = 0; due.length > 0 && round < MAX_BATCHES; round++) {
      const left: string[] = [];
      for (const teamId of due)
        try {
          if (await this.step(teamId, round < MAX_PASS_BATCHES)) left.push(teamId);
        } catch (error) {
          failures.push(error);
        }
      due = left;
    }
    if (failures.length > 0) throw failures[0];
  }

  /** Deletes findings that have been closed for long. */
  async prune(): Promise<void> {
    const now = this.parts.clock.now().getTime();
    await this.parts.findings.deleteClosed(new Date(now - CLOSED_RETENTION_MS));
  }

  /**
   * Examines profiles of a team that changed, and the next batch of a pass.
   * @param mayPass whether a pass may go on
   * @returns whether there may be more to examine
   */
  private step(teamId: string, mayPass: boolean): Promise<boolean> {
    const { database, passes, clock } = this.parts;
    return withTransaction(database.pool, async (client) => {
      const now = clock.now();
      const pass = await passes.lock(client, teamId);
      if (pass === undefined) return false;
      const touched = await passes.takeTouched(client, teamId);
      const isDue = mayPass && pass.dueAt <= now;
      const passed = isDue ? await passes.nextProfiles(client, pass) : [];
      const ids = [...new Set([...touched, ...passed.map(({ id }) => id)])];
      if (ids.length > 0) await this.examine(client, pass, ids, now);
      const next = isDue ? await this.advance(client, pass, passed, now) : pass;
      return touched.length > 0 || (isDue && next.dueAt <= now);
    });
  }

  /** Notes that a pass has come by these profiles, and ends it after the last. */
  private async advance(
    client: pg.ClientBase,
    before: Pass,
    profiles: readonly PassedProfile[],
    now: Date,
  ): Promise<Pass> {
    const startedAt = before.startedAt ?? now;
    const counts = countHeld(before.counts, profiles);
    const last = profiles.at(-1);
    let pass: Pass;
    if (last !== undefined && profiles.length === BATCH_SIZE) {
      const after = { afterCreatedAt: last.createdAt, afterId: last.id };
      pass = { ...before, ...after, startedAt, counts };
    } else {
      const expected = await this.expectedElsewhere(client, before.teamId, counts);
      const isOther = expected.join() !== before.expected.join();
      // Another expectation may concern every profile: the next pass begins at once.
      const dueAt = isOther ? now : new Date(startedAt.getTime() + PASS_EVERY_MS);
      const atStart = { startedAt: null, afterCreatedAt: null, afterId: null, counts: {} };
      pass = { teamId: before.teamId, dueAt, ...atStart, expected };
    }
    await this.parts.passes.save(client, pass);
    return pass;
  }

  private async expectedElsewhere(
    client: pg.ClientBase,
    teamId: string,
    counts: Pass['counts'],
  ): Promise<string[]> {
    const { passes, registry } = this.parts;
    const providers = await passes.connectedProviders(client, teamId);
    const supported = providers.map((provider) => registry.get(provider)?.platforms ?? []);
    return platformsExpectedElsewhere(counts, supported);
  }

  private async examine(
    client: pg.ClientBase,
    { teamId, expected }: Pass,
    profileIds: readonly string[],
    now: Date,
  ): Promise<void> {
    const { subjects, findings } = this.parts;
    const profiles = await subjects.read(client, teamId, profileIds, expected, now);
    await reconcile(client, findings, teamId, { profileIds, profiles }, now);
  }
}
