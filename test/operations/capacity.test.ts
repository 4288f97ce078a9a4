import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { useWorlds } from '../evidence/world.js';
import { checkout } from '../support/checkout.js';
import { describe, expect, test } from '../support/jest.js';
import { shiftedClock } from '../support/manual-clock.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const ACCOUNTS = 60;
const DAYS = 30;
/** Every so many days there is a second sweep, an hour after the first. */
const SECOND_EVERY = 3;
const CHANGES = DAYS + DAYS / SECOND_EVERY;
/** A row's size depends on how long texts are, and of small tables on how full the last pages are. */
const MAX_APART = 0.35;

/** The rows of the document's tables, cell by cell. */
const cells = readFileSync(join(checkout, 'docs', 'capacity.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) => line.split('|').map((cell) => cell.trim().replaceAll('`', '')));
const sizes = new Map(
  cells.flatMap(([, , table = '', bytes = '']) =>
    /^\w+_?\w+$/.test(table) && /^\d+$/.test(bytes) ? [[table, Number(bytes)] as const] : [],
  ),
);
const inDigits = (text = '') => Number(text.replaceAll(',', ''));
const year = new Map(
  cells.flatMap(([, thing = '', rows, each, total]) =>
    inDigits(total) >= 0 && rows !== undefined && inDigits(rows) > 0
      ? [[thing, { rows: inDigits(rows), each: inDigits(each), total: inDigits(total) }] as const]
      : [],
  ),
);

const clock = shiftedClock();
// Between two sweeps of the test none is due.
const worlds = useWorlds({ clock, sweepIntervalSeconds: 86_400 });

describe('a simulated month', () => {
  test('leaves as many rows as docs/capacity.md says, of the sizes that it says', async () => {
    const world = await worlds.open('outfame', [], { pageSize: 100 });
    const { app, database } = worlds.gateway();
    const count = async (table: string, where = 'TRUE') => {
      const { rows } = await database.pool.query(
        `SELECT count(*)::int AS count FROM ${table} WHERE ${where}`,
      );
      return rows[0].count;
    };
    /** Its name, and the bytes of a row with its trees; the index of times is as small at any size. */
    const largestPartition = async (table: string): Promise<[string, number]> => {
      const { rows } = await database.pool.query(
        `SELECT inhrelid::regclass::text AS name, (pg_relation_size(inhrelid) + (
             SELECT sum(pg_relation_size(i.indexrelid)) FROM pg_index i
             JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
             WHERE i.indrelid = inhrelid AND m.amname = 'btree'))::int AS bytes
         FROM pg_inherits WHERE inhparent = to_regclass($1)
         ORDER BY pg_relation_size(inhrelid) DESC LIMIT 1`,
        [table],
      );
      const { name, bytes } = rows[0];
      return [name, bytes / (await count(table, `${table}.tableoid = '${name}'::regclass`))];
    };
    const ofType = (type: string) => count('events', `type = '${type}'`);
    const sweep = (turn: number) => {
      for (let number = 0; number < ACCOUNTS; number++)
        world.provider.put(`acc_${number}`, {
          followers_count: 1_000 + number + 2 * turn,
          updated_at: clock.now().toISOString(),
        });
      return world.sweep();
    };
    const keep = async () => {
      expect(await app.recurringJobs.runNamed('events.prune')).toBe(true);
      expect(await app.recurringJobs.runNamed('accounts.keep_partitions')).toBe(true);
    };
    // Begins with a day, and each sweep has an hour of its own.
    clock.advance(DAY_MS - (clock.now().getTime() % DAY_MS) + HOUR_MS);
    await keep();
    expect(await sweep(0)).toMatchObject({ added: ACCOUNTS });
    for (let day = 1; day <= DAYS; day++) {
      clock.advance(DAY_MS);
      if (day % 7 === 0) await keep();
      expect(await sweep(day)).toMatchObject({ changed: ACCOUNTS });
      if (day % SECOND_EVERY > 0) continue;
      clock.advance(HOUR_MS);
      expect(await sweep(day + 0.5)).toMatchObject({ changed: ACCOUNTS });
      clock.advance(-HOUR_MS);
    }

    expect(await count('metric_samples_hourly')).toBe(ACCOUNTS * (CHANGES + 1));
    expect(await count('metric_samples_daily')).toBe(ACCOUNTS * (DAYS + 1));
    expect(await ofType('account.metrics_changed')).toBe(ACCOUNTS * DAYS);
    expect(await ofType('account.discovered')).toBe(ACCOUNTS);
    expect(await ofType('account.updated')).toBe(0);
    expect(await count('accounts')).toBe(ACCOUNTS);

    for (const table of ['metric_samples_hourly', 'metric_samples_daily', 'events']) {
      const [part, each] = await largestPartition(table);
      const said = sizes.get(table) ?? 0;
      expect({ part, isAsSaid: Math.abs(each - said) < MAX_APART * said }).toEqual({
        part: expect.stringContaining(table),
        isAsSaid: true,
      });
    }

    clock.advance(38 * DAY_MS);
    await keep();
    expect(await count('metric_samples_hourly')).toBe(0);
    expect(await count('metric_samples_daily')).toBe(ACCOUNTS * (DAYS + 1));
    clock.advance(60 * DAY_MS);
    await keep();
    expect(await count('events', `created_at < now() - interval '1 day'`)).toBe(0);
  });
});

describe('the year of docs/capacity.md', () => {
  const accounts = 100_000;
  const verdicts = accounts / 100;
  test.each([
    ['accounts', 'accounts', accounts],
    ['profiles', 'profiles', accounts],
    ['samples of hours', 'metric_samples_hourly', accounts * 37],
    ['samples of days', 'metric_samples_daily', accounts * 365],
    ['account.metrics_changed', 'events', accounts * 97],
    ['other events', 'events', verdicts * 4 * 97],
    ['health changes', 'health_transitions', verdicts * 90],
    ['disconnects', 'several', 1_000],
  ])('counts %s', (thing, table, rows) => {
    const each = sizes.get(table) ?? 0;
    const total = Math.round((rows * each) / 1e8) / 10;
    expect(year.get(thing)).toEqual({ rows, each, total });
  });

  test('adds up', () => {
    const total = [...year.values()].reduce((sum, { rows, each }) => sum + rows * each, 0);
    const text = readFileSync(join(checkout, 'docs', 'capacity.md'), 'utf8');
    expect(text).toContain(`Together ${(total / 1e9).toFixed(1)} GB`);
  });
});
