import type pg from 'pg';
import type { Database } from '../database/index.js';
import type { Prisma, Team } from '../database/prisma-client/client.js';
import { unlessTaken } from '../database/transact.js';
import type { Rows } from '../http/page.js';

/**
 * SQL: the version of the team `t`, which is how often rows that its lists show were written.
 */
export const TEAM_VERSION =
  '(SELECT coalesce(sum(v.version), 0)::text FROM team_versions v WHERE v.team_id = t.id)';

/** A team with its version. */
interface VersionedTeam {
  readonly id: string;
  readonly name: string;
  readonly version: string;
}

/** The rows of teams, and how often what they show was written. */
export class TeamsRepository {
  constructor(private readonly database: Database) {}

  find(id: string): Promise<Team | null> {
    return this.database.prisma.team.findUnique({ where: { id } });
  }

  async findVersioned(id: string): Promise<VersionedTeam | undefined> {
    const { rows } = await this.database.pool.query<VersionedTeam>(
      `SELECT t.id, t.name, ${TEAM_VERSION} AS version FROM teams t WHERE t.id = $1`,
      [id],
    );
    return rows[0];
  }

  /** All teams, oldest first. */
  list(): Rows<Team> {
    const { team } = this.database.prisma;
    return {
      read: (beyondId, take) =>
        team.findMany({ where: { id: { gt: beyondId ?? '' } }, orderBy: { id: 'asc' }, take }),
      count: () => team.count(),
    };
  }

  create(
    prisma: Prisma.TransactionClient,
    id: string,
    name: string,
    createdAt: Date,
  ): Promise<Team> {
    return prisma.team.create({ data: { id, name, createdAt } });
  }

  /** Creates a team unless it is there. */
  async ensure(id: string, name: string, createdAt: Date): Promise<void> {
    await this.database.prisma.team.createMany({
      data: [{ id, name, createdAt }],
      skipDuplicates: true,
    });
  }

  /** Has transactions of one team take turns. */
  async lock(client: pg.ClientBase, id: string): Promise<void> {
    await client.query('SELECT 1 FROM teams WHERE id = $1 FOR UPDATE', [id]);
  }

  /** Adds up the version counts of database sessions that are gone. Replicas take turns. */
  async compactVersions(): Promise<void> {
    await unlessTaken(this.database.pool, 'team versions', (client) =>
      client.query(`
        WITH gone AS (
          DELETE FROM team_versions v
          WHERE v.session <> 0
            AND NOT EXISTS (SELECT FROM pg_stat_activity p WHERE p.pid = v.session)
          RETURNING v.team_id, v.version)
        INSERT INTO team_versions AS v (team_id, session, version)
        SELECT team_id, 0, sum(version) FROM gone GROUP BY team_id
        ON CONFLICT (team_id, session) DO UPDATE SET version = v.version + EXCLUDED.version`),
    );
  }
}
