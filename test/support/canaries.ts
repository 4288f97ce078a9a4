import { randomBytes } from 'node:crypto';
import type pg from 'pg';

/** Secrets that are easy to recognise, whichever way they are written. */
export class Canaries {
  private readonly secrets = new Map<string, readonly string[]>();

  /** A new secret that looks like nothing else. */
  make(name: string): string {
    return this.watch(name, `canary${randomBytes(12).toString('hex')}`);
  }

  /** Watches for a secret that was made elsewhere. */
  watch(name: string, secret: string): string {
    this.secrets.set(name, [secret, Buffer.from(secret).toString('hex'), ...inBase64(secret)]);
    return secret;
  }

  /** The names of the secrets that `text` shows: as they are, in hex, or in base64 at any place. */
  shownIn(text: string): string[] {
    return [...this.secrets]
      .filter(([, forms]) => forms.some((form) => text.includes(form)))
      .map(([name]) => name);
  }
}

/**
 * What base64 makes of a secret depends on how many bytes stand before it; its ends depend on its
 * neighbours.
 */
function inBase64(secret: string): string[] {
  return [0, 1, 2].flatMap((before) => {
    const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(secret)]);
    return (['base64', 'base64url'] as const).map((encoding) =>
      bytes.toString(encoding).slice(before === 0 ? 0 : before + 1, -4),
    );
  });
}

/** Every row of every table as text, by table. */
export async function dump(pool: pg.Pool): Promise<Map<string, string>> {
  const { rows } = await pool.query<{ name: string }>(
    `SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
     WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')`,
  );
  const texts = new Map<string, string>();
  for (const { name } of rows) {
    const table = await pool.query<{ text: string | null }>(
      `SELECT string_agg(t::text, E'\\n') AS text FROM ${name} t`,
    );
    texts.set(name, table.rows[0]?.text ?? '');
  }
  return texts;
}
