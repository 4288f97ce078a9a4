import type pg from 'pg';
import { recordAudit } from '../audit/index.js';
import { withTransaction } from '../database/transact.js';
import { type StepCounts, stateOf } from './step-state.js';

const OPEN_STEP = `SELECT FROM disconnect_steps s WHERE s.disconnect_id = d.id AND s.state IN ('pending', 'running')`;

/** SQL: how many steps of the disconnect `$1` are in which state. */
export const COUNT_STEPS = `SELECT count(*)::int AS total, (count(*) FILTER (WHERE state = 'succeeded'))::int AS succeeded,
  (count(*) FILTER (WHERE state = 'failed'))::int AS failed, (count(*) FILTER (WHERE state IN ('pending', 'running')))::int AS pending,
  (count(*) FILTER (WHERE state = 'cancelled'))::int AS cancelled FROM disconnect_steps WHERE disconnect_id = $1`;

/**
 * Finishes those disconnects whose last step has ended. Called after the step's own transaction, so
 * that the process that ends the last step sees all the others. If it dies in between, a recurring
 * job calls it for every unfinished disconnect.
 * @param ids `null`: all
 */
export async function closeFinished(
  pool: pg.Pool,
  ids: readonly string[] | null,
  at: Date,
): Promise<void> {
  const { rows } = await pool.query<{ id: string }>({
    name: 'find-finished-disconnects',
    text: `SELECT d.id FROM disconnects d WHERE d.finished_at IS NULL AND d.state <> 'scheduled'
      AND ($1::text[] IS NULL OR d.id = ANY($1)) AND NOT EXISTS (${OPEN_STEP})`,
    values: [ids],
  });
  for (const { id } of rows) await withTransaction(pool, (client) => close(client, id, at));
}

/** @param client within a transaction */
export async function close(client: pg.ClientBase, id: string, at: Date): Promise<void> {
  const { rows } = await client.query<DisconnectRow>(
    `SELECT team_id, state, requested_by_id, requested_by_name, request_id FROM disconnects WHERE id = $1 AND finished_at IS NULL FOR UPDATE`,
    [id],
  );
  const [disconnect] = rows;
  if (!disconnect) return;
  const [counts] = (await client.query<StepCounts>(COUNT_STEPS, [id])).rows;
  if (!counts || counts.pending > 0) return;
  const state = stateOf(counts);
  await client.query('UPDATE disconnects SET state = $2, finished_at = $3 WHERE id = $1', [
    id,
    state,
    at,
  ]);
  const actor = {
    teamId: disconnect.team_id,
    keyId: disconnect.requested_by_id,
    keyName: disconnect.requested_by_name,
    requestId: disconnect.request_id,
  };
  const facts = { before: { state: disconnect.state }, after: { state, ...counts } };
  await recordAudit(
    client,
    actor,
    [{ action: 'disconnect.finished', targetType: 'disconnect', targetId: id, ...facts }],
    at,
  );
}

interface DisconnectRow {
  readonly team_id: string;
  readonly state: string;
  readonly requested_by_id: string;
  readonly requested_by_name: string;
  readonly request_id: string | null;
}
