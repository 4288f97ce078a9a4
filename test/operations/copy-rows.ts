import pg from 'pg';

/**
 * Copies all rows and the state of the sequences between two databases with the same tables, as a
 * dump that is restored does.
 * @param to the database to copy to, with the right to disable triggers
 */
export async function copyRows(from: Pick<pg.Pool, 'query'>, to: string): Promise<void> {
  const client = new pg.Client({ connectionString: to });
  await client.connect();
  try {
    await copy(from, client);
  } finally {
    await client.end();
  }
}

async function copy(from: Pick<pg.Pool, 'query'>, to: pg.Client): Promise<void> {
  const { rows: tables } = await from.query<{ name: string }>(
    `SELECT quote_ident(relname) AS name FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition`,
  );
  await to.query("SET session_replication_role = 'replica'");
  for (const { name } of tables) {
    await to.query(`ALTER TABLE ${name} DISABLE TRIGGER USER; DELETE FROM ${name}`);
    const { rows } = await from.query(`SELECT json_agg(t)::text AS rows FROM ${name} t`);
    await to.query(
      `INSERT INTO ${name} SELECT * FROM json_populate_recordset(NULL::${name}, $1::json)`,
      [rows[0].rows ?? '[]'],
    );
    await to.query(`ALTER TABLE ${name} ENABLE TRIGGER USER`);
  }
  const { rows: sequences } = await from.query<{ name: string; last: string }>(
    `SELECT quote_ident(sequencename) AS name, last_value AS last FROM pg_sequences
     WHERE schemaname = 'public' AND last_value IS NOT NULL`,
  );
  for (const { name, last } of sequences) await to.query('SELECT setval($1, $2)', [name, last]);
}
