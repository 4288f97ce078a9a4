import type { Gateway } from './gateway.js';

/** A time to schedule a disconnect for that does not come by itself within a test. */
export const notYet = (): string => new Date(Date.now() + 3_600_000).toISOString();

/** Brings a scheduled disconnect's time about, so that no test rests on how fast it is. */
export async function makeDue(
  { database }: Pick<Gateway, 'database'>,
  disconnectId: string,
): Promise<void> {
  const { rowCount } = await database.pool.query(
    `UPDATE disconnects SET scheduled_at = now() WHERE id = $1 AND state = 'scheduled'`,
    [disconnectId],
  );
  if (rowCount !== 1) throw new Error(`${disconnectId} is not scheduled`);
}
