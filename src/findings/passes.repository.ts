import type pg from 'pg';
import type { Database } from '../database/index.js';
import type { HeldByPlatform } from './expectation.js';

/** Profiles that one transaction examines. */
export const BATCH_SIZE = 1_000;

/** For a first sweep, so that one which comes to no end holds up nothing for long. */
const MAX_WAIT_MINUTES = 15;

/** Where a pass over the profiles of a team stands. */
export interface Pass {
  readonly teamId: string;
  readonly dueAt: Date;
  /** `null`: none is under way. */
  readonly startedAt: Date | null;
  /** The last profile examined; `null`: none yet. */
  readonly afterCreatedAt: Date | null;
  readonly afterId: string | null;
  /** Of this pass so far. */
  readonly counts: HeldByPlatform;
  /** The platforms on which a profile that one provider holds is a finding. */
  readonly expected: readonly string[];
}

/** A profile as a pass comes by it. */
export interface PassedProfile {
  readonly id: string;
  readonly createdAt: Date;
  readonly platform: string;
  readonly providerCount: number;
}

/** What is to be examined: the profiles that changed, and where the passes stand. */
export class PassesRepository {
  constructor(private readonly database: Database) {}

  /**
   * The teams with profiles to examine, but for those with a connection that is being read for the
   * first time: of its profiles as they are meanwhile much is found that the next page settles.
   */
  async findDue(now: Date): Promise<string[]> {
    const { pool } = this.database;
    await pool.query({
      name: 'begin-finding-passes',
      text: `INSERT INTO finding_passes (team_id, due_at, expected)
        SELECT DISTINCT t.team_id, $1::timestamptz, ARRAY[]::text[] FROM finding_touches t
        WHERE NOT EXISTS (SELECT FROM finding_passes p WHERE p.team_id = t.team_id)
        ON CONFLICT DO NOTHING`,
      values: [now],
    });
    const { rows } = await pool.query<{ team_id: string }>({
      name: 'due-finding-passes',
      text: `SELECT team_id FROM finding_passes WHERE due_at <= $1
        UNION SELECT team_id FROM finding_touches
        EXCEPT SELECT s.team_id FROM sweeps s JOIN connections c ON c.id = s.connection_id
          WHERE s.state = 'running' AND c.swept_at IS NULL
            AND s.started_at > $1::timestamptz - interval '${MAX_WAIT_MINUTES} minutes'`,
      values: [now],
    });
    return rows.map(({ team_id }) => team_id);
  }

  /**
   * Has this transaction alone examine profiles of the team, until it ends.
   * @returns `undefined` where another does
   */
  async lock(client: pg.ClientBase, teamId: string): Promise<Pass | undefined> {
    const { rows } = await client.query<Pass>({
      name: 'lock-finding-pass',
      text: `SELECT team_id AS "teamId", due_at AS "dueAt", started_at AS "startedAt",
          after_created_at AS "afterCreatedAt", after_id AS "afterId", counts,
          COALESCE(expected, '{}') AS expected
        FROM finding_passes WHERE team_id = $1 FOR UPDATE SKIP LOCKED`,
      values: [teamId],
    });
    return rows[0];
  }

  /** Takes up to a batch of the profiles that changed. */
  async takeTouched(client: pg.ClientBase, teamId: string): Promise<string[]> {
    const { rows } = await client.query<{ id: string }>({
      name: 'take-finding-touches',
      text: `WITH taken AS (
          DELETE FROM finding_touches WHERE id = ANY(ARRAY(
            SELECT id FROM (
              SELECT id, sum(cardinality(profile_ids)) OVER (ORDER BY id) AS ids
              FROM (SELECT id, profile_ids FROM finding_touches WHERE team_id = $1
                ORDER BY id LIMIT ${BATCH_SIZE}) AS first) AS summed
            WHERE ids <= ${BATCH_SIZE}))
          RETURNING profile_ids)
        SELECT DISTINCT unnest(profile_ids) AS id FROM taken`,
      values: [teamId],
    });
    return rows.map(({ id }) => id);
  }

  /** The next batch of a pass, in the order of their creation. */
  async nextProfiles(client: pg.ClientBase, pass: Pass): Promise<PassedProfile[]> {
    const { rows } = await client.query<PassedProfile>({
      name: 'next-profiles-for-findings',
      text: `SELECT id, created_at AS "createdAt", platform, provider_count AS "providerCount"
        FROM profiles WHERE team_id = $1 AND (created_at, id) > ($2::timestamptz, $3)
        ORDER BY created_at, id LIMIT ${BATCH_SIZE}`,
      values: [pass.teamId, pass.afterCreatedAt ?? '-infinity', pass.afterId ?? ''],
    });
    return rows;
  }

  async save(client: pg.ClientBase, pass: Pass): Promise<void> {
    await client.query({
      name: 'save-finding-pass',
      text: `UPDATE finding_passes SET due_at = $2, started_at = $3, after_created_at = $4,
          after_id = $5, counts = $6, expected = $7 WHERE team_id = $1`,
      values: [
        pass.teamId,
        pass.dueAt,
        pass.startedAt,
        pass.afterCreatedAt,
        pass.afterId,
        JSON.stringify(pass.counts),
        pass.expected,
      ],
    });
  }

  /** The providers that the team's connections are at, but for those that do not work. */
  async connectedProviders(client: pg.ClientBase, teamId: string): Promise<string[]> {
    const { rows } = await client.query<{ provider: string }>({
      name: 'connected-providers',
      text: `SELECT DISTINCT provider FROM connections
        WHERE team_id = $1 AND state = 'active' AND NOT paused`,
      values: [teamId],
    });
    return rows.map(({ provider }) => provider);
  }
}
