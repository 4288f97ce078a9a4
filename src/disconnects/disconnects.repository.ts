import type pg from 'pg';
import type { Database } from '../database/index.js';
import { Parameters } from '../database/sql.js';
import type { Caller } from '../http/caller.js';
import type { PageRequest, PageRow } from '../http/page.js';
import type { DisconnectBody } from './disconnects.schema.js';
import {
  disconnectDocument,
  RECEIPT_DOCUMENT,
  STEP_DOCUMENT,
  WITH_COUNTS,
} from './disconnects.sql.js';

/** What a list of disconnects is asked for. */
export interface DisconnectFilter {
  readonly state?: readonly string[] | undefined;
  readonly reason_code?: readonly string[] | undefined;
  readonly requested_by?: readonly string[] | undefined;
  readonly created_since?: Date | undefined;
  readonly created_until?: Date | undefined;
}

/** A step of a disconnect that can no longer be cancelled. */
export interface StartedStep {
  readonly ref: string;
  /** Whether the account is gone at the provider. */
  readonly isDone: boolean;
}

/** Disconnects as callers see them. A page is one statement, whatever it holds. */
export class DisconnectsRepository {
  constructor(private readonly database: Database) {}

  /**
   * @param stepsShown how many of the first steps come along
   * @param client within a transaction, to see what that has written
   */
  async find(
    caller: Caller,
    id: string,
    stepsShown: number,
    client: pg.ClientBase | pg.Pool = this.database.pool,
  ): Promise<DisconnectBody | undefined> {
    const parameters = new Parameters();
    const visible = visibleTo(caller, parameters);
    const document = disconnectDocument(parameters.add(stepsShown));
    const { rows } = await client.query<{ document: DisconnectBody }>(
      `SELECT ${document} AS document FROM disconnects d ${WITH_COUNTS}
       WHERE ${visible} AND d.id = ${parameters.add(id)}`,
      parameters.values,
    );
    return rows[0]?.document;
  }

  /** The state of a disconnect. @param client within a transaction */
  async findState(
    caller: Caller,
    id: string,
    client: pg.ClientBase | pg.Pool = this.database.pool,
  ): Promise<string | undefined> {
    const parameters = new Parameters();
    const visible = visibleTo(caller, parameters);
    const { rows } = await client.query<{ state: string }>(
      `SELECT d.state FROM disconnects d WHERE ${visible} AND d.id = ${parameters.add(id)}`,
      parameters.values,
    );
    return rows[0]?.state;
  }

  /** A page of disconnects with their first steps, newest first. */
  async page(
    caller: Caller,
    filter: DisconnectFilter,
    stepsShown: number,
    { after, limit }: PageRequest,
  ): Promise<PageRow[]> {
    const parameters = new Parameters();
    const conditions = [conditionsOf(caller, filter, parameters)];
    if (after) {
      const position = `${parameters.add(after.value)}::timestamptz, ${parameters.add(after.id)}`;
      conditions.push(`(d.created_at, d.id) < (${position})`);
    }
    const { rows } = await this.database.pool.query<PageDocument>(
      `SELECT d.id, d.created_at AS at,
         ${disconnectDocument(parameters.add(stepsShown))}::text AS document
       FROM (SELECT * FROM disconnects d WHERE ${conditions.join(' AND ')}
         ORDER BY d.created_at DESC, d.id DESC LIMIT ${parameters.add(limit)}) d ${WITH_COUNTS}
       ORDER BY d.created_at DESC, d.id DESC`,
      parameters.values,
    );
    return rows.map(({ id, at, document }) => ({
      document,
      position: { value: at.toISOString(), id },
    }));
  }

  async count(caller: Caller, filter: DisconnectFilter): Promise<number> {
    const parameters = new Parameters();
    const { rows } = await this.database.pool.query<{ total: number }>(
      `SELECT count(*)::int AS total FROM disconnects d
       WHERE ${conditionsOf(caller, filter, parameters)}`,
      parameters.values,
    );
    return rows[0]?.total ?? 0;
  }

  /** A page of the steps of a disconnect, in their order. @param states all when left out */
  async stepsPage(
    disconnectId: string,
    states: readonly string[] | undefined,
    { after, limit }: PageRequest,
  ): Promise<PageRow[]> {
    const { rows } = await this.database.pool.query<{ id: string; document: string }>(
      `SELECT s.id, ${STEP_DOCUMENT}::text AS document FROM disconnect_steps s
       WHERE s.disconnect_id = $1 AND ($2::text[] IS NULL OR s.state = ANY($2)) AND s.id > $3
       ORDER BY s.id LIMIT $4`,
      [disconnectId, states, after?.id ?? '', limit],
    );
    return rows.map(({ id, document }) => ({ document, position: { value: null, id } }));
  }

  async countSteps(disconnectId: string, states: readonly string[] | undefined): Promise<number> {
    const { rows } = await this.database.pool.query<{ total: number }>(
      `SELECT count(*)::int AS total FROM disconnect_steps s
       WHERE s.disconnect_id = $1 AND ($2::text[] IS NULL OR s.state = ANY($2))`,
      [disconnectId, states],
    );
    return rows[0]?.total ?? 0;
  }

  /** Up to `limit` steps that are at work or have succeeded. @param client within a transaction */
  async startedSteps(
    client: pg.ClientBase,
    disconnectId: string,
    limit: number,
  ): Promise<StartedStep[]> {
    const { rows } = await client.query<StartedStep>(
      `SELECT s.provider || ':' || s.provider_account_id AS ref,
         s.state = 'succeeded' OR s.phase = 'deleted' AS "isDone"
       FROM disconnect_steps s
       WHERE s.disconnect_id = $1 AND s.state IN ('succeeded', 'running', 'pending')
       ORDER BY s.id LIMIT $2`,
      [disconnectId, limit],
    );
    return rows;
  }

  async isFinished(id: string): Promise<boolean> {
    const row = await this.database.prisma.disconnect.findUnique({
      where: { id },
      select: { finishedAt: true },
    });
    return row?.finishedAt != null;
  }

  /** What a receipt is signed over. */
  async receipt(id: string): Promise<unknown> {
    const { rows } = await this.database.pool.query<{ document: unknown }>(
      `SELECT ${RECEIPT_DOCUMENT} AS document FROM disconnects d ${WITH_COUNTS} WHERE d.id = $1`,
      [id],
    );
    return rows[0]?.document;
  }
}

interface PageDocument {
  readonly id: string;
  readonly at: Date;
  readonly document: string;
}

/** SQL. A key that may see only some providers sees no disconnect that touches others. */
function visibleTo({ teamId, key }: Caller, parameters: Parameters): string {
  const ofTeam = `d.team_id = ${parameters.add(teamId)}`;
  if (key.providers.length === 0) return ofTeam;
  return `${ofTeam} AND NOT EXISTS (SELECT FROM disconnect_steps s
    WHERE s.disconnect_id = d.id AND s.provider <> ALL(${parameters.add(key.providers)}::text[]))`;
}

function conditionsOf(caller: Caller, filter: DisconnectFilter, parameters: Parameters): string {
  const conditions = [visibleTo(caller, parameters)];
  const among = (column: string, values: readonly string[] | undefined) => {
    if (values !== undefined) conditions.push(`${column} = ANY(${parameters.add(values)}::text[])`);
  };
  among('d.state', filter.state);
  among('d.reason_code', filter.reason_code);
  among('d.requested_by_id', filter.requested_by);
  if (filter.created_since)
    conditions.push(`d.created_at >= ${parameters.add(filter.created_since)}`);
  if (filter.created_until)
    conditions.push(`d.created_at < ${parameters.add(filter.created_until)}`);
  return conditions.join(' AND ');
}
