import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkout } from '../support/checkout.js';
import { migrationsFolder } from '../support/database.js';
import { describe, expect, test } from '../support/jest.js';

/** Those up to here were there before this test: some hold a table while an index is built. */
const LAST_EXEMPT = '20261126224500_touches_without_joins';
/** Rules that one migration may break, and why that keeps nobody waiting. */
const EXEMPT: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  '20261127012500_events_by_time_keys': {
    'prefer-robust-stmts': 'a constraint that is valid may be validated again',
  },
  '20261127012600_events_by_time': {
    'renaming-table': 'another table takes the name in the same transaction',
  },
  '20261127081100_events_by_account': {
    'require-concurrent-index-creation': 'the partition with rows has its own already',
  },
};
/** Rules that no migration needs to keep, and why. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  'require-lock-timeout': '`migrate` sets it for every migration',
  'require-statement-timeout': 'one that fills a column takes as long as its table is large',
  'prefer-bigint-over-int': 'counts of what is bounded are integers',
  'prefer-identity': 'Prisma declares its sequences so',
};
const OUTSIDE_TRANSACTION = '-- Outside of a transaction\n';

const migrations = readdirSync(migrationsFolder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .sort();
const linted = migrations.filter((name) => name > LAST_EXEMPT);
const script = (name: string) =>
  readFileSync(join(migrationsFolder, name, 'migration.sql'), 'utf8');

/** What Squawk, a linter of migrations, has against one: the rules that it breaks. */
function broken(sql: string): readonly string[] {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [
      join(checkout, 'node_modules', 'squawk-cli', 'js', 'bin', 'squawk'),
      ...['--pg-version', '14.0', '--reporter', 'json'],
      ...Object.keys(LEFT_OUT).flatMap((rule) => ['--exclude', rule]),
      ...(sql.startsWith(OUTSIDE_TRANSACTION) ? [] : ['--assume-in-transaction']),
    ],
    { input: sql, encoding: 'utf8' },
  );
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout).map(({ rule_name: rule }: { rule_name: string }) => rule);
}

describe('a migration holds no table for long, and rewrites none', () => {
  test.each(linted)('%s', (name) => {
    const allowed = Object.keys(EXEMPT[name] ?? {});
    expect(broken(script(name)).filter((rule) => !allowed.includes(rule))).toEqual([]);
  });

  test.each([
    ['CREATE INDEX a_idx ON a (b);', 'require-concurrent-index-creation'],
    ['ALTER TABLE a ADD COLUMN b int NOT NULL;', 'adding-required-field'],
    ['ALTER TABLE a ALTER COLUMN b TYPE bigint;', 'changing-column-type'],
    ['ALTER TABLE a ALTER COLUMN b SET NOT NULL;', 'adding-not-nullable-field'],
    ['ALTER TABLE a ADD CONSTRAINT c CHECK (b > 0);', 'constraint-missing-not-valid'],
    ['ALTER TABLE a RENAME COLUMN b TO c;', 'renaming-column'],
    ['ALTER TABLE a DROP COLUMN b;', 'ban-drop-column'],
    ['DROP TABLE a;', 'ban-drop-table'],
  ])('as the linter would tell: %s', (sql, rule) => {
    expect(broken(sql)).toContain(rule);
  });

  test('what is built outside of a transaction may be built again', () => {
    const once = 'CREATE INDEX CONCURRENTLY a_idx ON a (b);';
    expect(broken(`${OUTSIDE_TRANSACTION}${once}`)).toContain('prefer-robust-stmts');
    const again = `DROP INDEX CONCURRENTLY IF EXISTS a_idx;
      CREATE INDEX CONCURRENTLY IF NOT EXISTS a_idx ON a (b);`;
    expect(broken(`${OUTSIDE_TRANSACTION}${again}`)).toEqual([]);
  });

  test('nothing is exempt that need not be', () => {
    const needless = Object.entries(EXEMPT).flatMap(([name, rules]) =>
      Object.keys(rules).filter((rule) => !broken(script(name)).includes(rule)),
    );
    expect(needless).toEqual([]);
  });
});

describe('releases.json', () => {
  const releases: { version: string; lastMigration: string }[] = JSON.parse(
    readFileSync(join(migrationsFolder, 'releases.json'), 'utf8'),
  );

  test('lists every release of the changelog that brought a migration, oldest first', () => {
    const changelog = readFileSync(join(checkout, 'CHANGELOG.md'), 'utf8');
    const released = [...changelog.matchAll(/^## (\d\S*)/gm)].map(([, version]) => version);
    expect(releases.map(({ version }) => version)).toEqual(released.reverse());
    const last = releases.map(({ lastMigration }) => lastMigration);
    expect(last).toEqual([...last].sort());
    expect(migrations).toEqual(expect.arrayContaining(last));
  });
});
