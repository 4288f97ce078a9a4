import type pg from 'pg';
import { newId } from '../lib/ids.js';

/** What a team can learn of as it happens. */
export type EventType =
  | 'account.discovered'
  | 'account.updated'
  | 'account.health_changed'
  | 'account.vanished'
  | 'account.reappeared'
  | 'account.disconnecting'
  | 'account.disconnected'
  | 'account.disconnect_failed';

export interface NewEvent {
  readonly type: EventType;
  readonly accountId: string | null;
  /** The facts, snake_case, as callers will see them. */
  readonly data: object;
}

/** Writes events into the outbox. @param client within the transaction of the change they report */
export async function recordEvents(client: pg.ClientBase, teamId: string, events: readonly NewEvent[], at: Date): Promise<void> {
  if (events.length === 0) return;
  const rows = events.map(({ type, accountId, data }) => ({ id: newId('evt'), type, account_id: accountId, data }));
  await client.query(
    `INSERT INTO events (id, team_id, type, account_id, data, created_at)
     SELECT id, $2, type, account_id, data, $3 FROM jsonb_to_recordset($1::jsonb) AS e(id text, type text, account_id text, data jsonb)`,
    [JSON.stringify(rows), teamId, at],
  );
}
