import type pg from 'pg';
import { isOfProfiles } from '../accounts/index.js';
import type { Database } from '../database/index.js';
import { Parameters } from '../database/sql.js';
import type { Caller } from '../http/caller.js';
import type { PageRequest, PageRow } from '../http/page.js';
import type { DisconnectBody } from './disconnects.schema.js';
import {
  type DisconnectView,
  disconnectDocument,
  partAt,
  receiptDocument,
  STEP_DOCUMENT,
  WHOLE,
  withCounts,
} from './disconnects.sql.js';

/** What a list of disconnects is asked for. */
export interface DisconnectFilter {
  readonly state?: readonly string[] | undefined;
  readonly reason_code?: readonly string[] | undefined;
  readonly requested_by?: readonly string[] | undefined;
  readonly profile_id?: readonly string[] | undefined;
  readonly created_since?: Date | undefined;
  readonly created_until?: Date | undefined;
}

/** How far a disconnect is. */
export interface DisconnectState {
  readonly state: string;
  readonly isFinished: boolean;
}

/** A step of a disconnect that can no longer be cancelled. */
interface StartedStep {
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
    const view = viewOf(caller, parameters);
    const document = disconnectDocument(view, parameters.add(stepsShown));
    const { rows } = await client.query<{ document: DisconnectBody }>(
      `SELECT ${document} AS document FROM ${view.disconnects} d ${withCounts(view)}
       WHERE ${isOne(caller, id, parameters)}`,
      parameters.values,
    );
    return rows[0]?.document;
  }

  /** The state of a disconnect. @param client within a transaction */
  async findState(
    caller: Caller,
    id: string,
    client: pg.ClientBase | pg.Pool = this.database.pool,
  ): Promise<DisconnectState | undefined> {
    const parameters = new Parameters();
    const view = viewOf(caller, parameters);
    const { rows } = await client.query<DisconnectState>(
      `SELECT d.state, d.finished_at IS NOT NULL AS "isFinished" FROM ${view.disconnects} d
       WHERE ${isOne(caller, id, parameters)}`,
      parameters.values,
    );
    return rows[0];
  }

  /** A page of disconnects with their first steps, newest first. */
  async page(
    caller: Caller,
    filter: DisconnectFilter,
    stepsShown: number,
    { after, limit }: PageRequest,
  ): Promise<PageRow[]> {
    const parameters = new Parameters();
    const view = viewOf(caller, parameters);
    const conditions = [conditionsOf(caller, filter, parameters)];
    if (after) {
      const position = `${parameters.add(after.value)}::timestamptz, ${parameters.add(after.id)}`;
      conditions.push(`(d.created_at, d.id) < (${position})`);
    }
    const { rows } = await this.database.pool.query<PageDocument>(
      `SELECT d.id, d.created_at AS at,
         ${disconnectDocument(view, parameters.add(stepsShown))}::text AS document
       FROM (SELECT * FROM ${view.disconnects} d WHERE ${conditions.join(' AND ')}
         ORDER BY d.created_at DESC, d.id DESC LIMIT ${parameters.add(limit)}) d ${withCounts(view)}
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
      `SELECT count(*)::int AS total FROM ${viewOf(caller, parameters).disconnects} d
       WHERE ${conditionsOf(caller, filter, parameters)}`,
      parameters.values,
    );
    return rows[0]?.total ?? 0;
  }

  /** A page of the steps of a disconnect, in their order. @param states all when left out */
  async stepsPage(
    caller: Caller,
    disconnectId: string,
    states: readonly string[] | undefined,
    { after, limit }: PageRequest,
  ): Promise<PageRow[]> {
    const parameters = new Parameters();
    const steps = stepsOf(caller, disconnectId, states, parameters);
    const { rows } = await this.database.pool.query<{ id: string; document: string }>(
      `SELECT s.id, ${STEP_DOCUMENT}::text AS document FROM ${steps}
         AND s.id > ${parameters.add(after?.id ?? '')}
       ORDER BY s.id LIMIT ${parameters.add(limit)}`,
      parameters.values,
    );
    return rows.map(({ id, document }) => ({ document, position: { value: null, id } }));
  }

  async countSteps(
    caller: Caller,
    disconnectId: string,
    states: readonly string[] | undefined,
  ): Promise<number> {
    const parameters = new Parameters();
    const { rows } = await this.database.pool.query<{ total: number }>(
      `SELECT count(*)::int AS total FROM ${stepsOf(caller, disconnectId, states, parameters)}`,
      parameters.values,
    );
    return rows[0]?.total ?? 0;
  }

  /** Up to `limit` steps that are at work or have succeeded. @param client within a transaction */
  async startedSteps(
    client: pg.ClientBase,
    caller: Caller,
    disconnectId: string,
    limit: number,
  ): Promise<StartedStep[]> {
    const parameters = new Parameters();
    const states = ['succeeded', 'running', 'pending'];
    const { rows } = await client.query<StartedStep>(
      `SELECT s.provider || ':' || s.provider_account_id AS ref,
         s.state = 'succeeded' OR s.phase = 'deleted' AS "isDone"
       FROM ${stepsOf(caller, disconnectId, states, parameters)}
       ORDER BY s.id LIMIT ${parameters.add(limit)}`,
      parameters.values,
    );
    return rows;
  }

  /** What a receipt is signed over. */
  async receipt(caller: Caller, id: string): Promise<unknown> {
    const parameters = new Parameters();
    const view = viewOf(caller, parameters);
    const { rows } = await this.database.pool.query<{ document: unknown }>(
      `SELECT ${receiptDocument(view)} AS document FROM ${view.disconnects} d ${withCounts(view)}
       WHERE ${isOne(caller, id, parameters)}`,
      parameters.values,
    );
    return rows[0]?.document;
  }
}

interface PageDocument {
  readonly id: string;
  readonly at: Date;
  readonly document: string;
}

/** A key that may see only some providers sees of each disconnect the part at those. */
function viewOf({ key }: Caller, parameters: Parameters): DisconnectView {
  return key.providers.length === 0 ? WHOLE : partAt(parameters.add(key.providers));
}

function isOne({ teamId }: Caller, id: string, parameters: Parameters): string {
  return `d.team_id = ${parameters.add(teamId)} AND d.id = ${parameters.add(id)}`;
}

/** SQL: what comes after `FROM` for the steps `s` of a disconnect that the caller may see. */
function stepsOf(
  caller: Caller,
  disconnectId: string,
  states: readonly string[] | undefined,
  parameters: Parameters,
): string {
  const ofDisconnect = `s.disconnect_id = ${parameters.add(disconnectId)}`;
  const ofState =
    states === undefined ? 'true' : `s.state = ANY(${parameters.add(states)}::text[])`;
  const { isStep } = viewOf(caller, parameters);
  return `disconnect_steps s WHERE ${ofDisconnect} AND ${ofState} AND ${isStep}`;
}

function conditionsOf(caller: Caller, filter: DisconnectFilter, parameters: Parameters): string {
  const conditions = [`d.team_id = ${parameters.add(caller.teamId)}`];
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
  if (filter.profile_id !== undefined)
    conditions.push(`d.id IN (SELECT s.disconnect_id FROM disconnect_steps s
      JOIN accounts a ON a.id = s.account_id
      WHERE (s.profile_id = ANY(${parameters.add(filter.profile_id)}::text[])
        OR ${isOfProfiles(filter.profile_id, parameters)}) AND ${viewOf(caller, parameters).isStep})`);
  return conditions.join(' AND ');
}
