import type pg from 'pg';
import { newId } from '../lib/ids.js';
import type { EventType } from './event-types.js';

/** An event to be written in the transaction of its change. */
export interface NewEvent {
  readonly type: EventType;
  /** `null`: about no single account. */
  readonly accountId: string | null;
  /** The provider it is about, if there is no account. */
  readonly provider?: string | null;
  /**
   * Of an event about no single provider: it is shown only to keys that may see all of these, and
   * to keys without a restriction. Left out: to all.
   */
  readonly providers?: readonly string[];
  /** Facts in snake_case, as callers see them. */
  readonly data: object;
}

/** Writes events into the outbox. @param client within the transaction of the change they report */
export async function recordEvents(
  client: pg.ClientBase,
  teamId: string,
  events: readonly NewEvent[],
  at: Date,
): Promise<void> {
  await recordEventsOfTeams(
    client,
    events.map((event) => ({ teamId, event })),
    at,
  );
}

/** Like `recordEvents`, for several teams. */
export async function recordEventsOfTeams(
  client: pg.ClientBase,
  events: readonly { readonly teamId: string; readonly event: NewEvent }[],
  at: Date,
): Promise<void> {
  if (events.length === 0) return;
  const rows = events.map(({ teamId, event: { type, accountId, provider, providers, data } }) => ({
    id: newId('evt'),
    team_id: teamId,
    type,
    account_id: accountId,
    provider,
    providers,
    data,
  }));
  await client.query(
    `INSERT INTO events (id, team_id, type, account_id, provider, providers, data, created_at)
     SELECT e.id, e.team_id, e.type, e.account_id, COALESCE(e.provider, a.provider), e.providers,
       e.data, $2
     FROM jsonb_to_recordset($1::jsonb) AS e(id text, team_id text, type text, account_id text,
       provider text, providers text[], data jsonb)
     LEFT JOIN accounts a ON a.id = e.account_id
     ORDER BY e.id`,
    [JSON.stringify(rows), at],
  );
}

/** An event about an account as it now stands. */
export interface AccountEvent {
  readonly type: EventType;
  readonly accountId: string;
  /** Beside the account itself. */
  readonly data?: object;
}

/**
 * Like `recordEvents`, for events whose facts are the account as its row now stands: the database
 * writes those in, so that a first import of many accounts sends nothing back and forth.
 */
export async function recordAccountEvents(
  client: pg.ClientBase,
  events: readonly AccountEvent[],
  at: Date,
): Promise<void> {
  if (events.length === 0) return;
  const rows = events.map(({ type, accountId, data = {} }) => ({
    id: newId('evt'),
    type,
    account_id: accountId,
    data,
  }));
  await client.query(
    `INSERT INTO events (id, team_id, type, account_id, provider, data, created_at)
      SELECT e.id, a.team_id, e.type, a.id, a.provider,
        ${OF_ACCOUNT} || e.data, $2
      FROM jsonb_to_recordset($1::jsonb) AS e(id text, type text, account_id text, data jsonb)
      JOIN accounts a ON a.id = e.account_id
      ORDER BY e.id`,
    [JSON.stringify(rows), at],
  );
}

/**
 * SQL: like `recordAccountEvents`, as part of the statement that writes the accounts.
 * @param source which has the accounts as they now stand, each with the `event_id` of its event
 * @param at when they are seen
 */
export const accountEventsFrom = (source: string, type: EventType, at: string) =>
  eventsFrom(source, `'${type}'`, OF_ACCOUNT, at);

/**
 * SQL: the same, for events of several types.
 * @param source which has the `event_type` too, and as `event_data` what the event tells beside the
 * account
 */
export const mixedAccountEventsFrom = (source: string, at: string) =>
  eventsFrom(source, 'a.event_type', `${OF_ACCOUNT} || a.event_data`, at);

const eventsFrom = (source: string, type: string, data: string, at: string) =>
  `INSERT INTO events (id, team_id, type, account_id, provider, data, created_at)
   SELECT a.event_id, a.team_id, ${type}, a.id, a.provider, ${data}, ${at}
   FROM ${source} a ORDER BY a.event_id`;

/** What an event shows of its account: its identity, and its health at that moment. */
const ACCOUNT_FACTS = `jsonb_build_object(
  'id', a.id, 'ref', a.provider || ':' || a.provider_account_id, 'provider', a.provider,
  'connection_id', a.connection_id,
  'platform', a.platform, 'username', a.username, 'status', a.status,
  'health', jsonb_build_object('status', a.health_status, 'reason', a.health_reason,
    'fault', a.health_fault))`;

const OF_ACCOUNT = `jsonb_build_object('account', ${ACCOUNT_FACTS})`;
