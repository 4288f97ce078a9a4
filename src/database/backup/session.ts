import pg from 'pg';
import type { DatabaseConnection } from '../hosts.js';

/** Under which values are written and read alike, for as long as it takes. */
const SETTINGS = `
  SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET lock_timeout = 0;
  SET TIME ZONE 'UTC'; SET datestyle = 'ISO'; SET intervalstyle = 'postgres';
  SET extra_float_digits = 3; SET client_encoding = 'UTF8'`;

/** Runs `work` on a session of its own, and as one transaction where `begin` begins one. */
export async function withBackupSession<Result>(
  connection: DatabaseConnection,
  begin: string,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({ ...connection, application_name: 'rollcall backup' });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query(SETTINGS);
    await client.query(begin);
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } finally {
    await client.end();
  }
}
