import fc from 'fast-check';
import { type Database, openDatabase, ProcessLease } from '../../src/database/index.js';
import { systemClock } from '../../src/lib/clock.js';
import { silentLogger } from '../../src/lib/logger.js';
import {
  LeasedRows,
  type LeasedRowsSettings,
  type WorkEnd,
  WorkEngine,
  type WorkKind,
  type WorkQueue,
  workKind,
} from '../../src/work/index.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { afterAll, afterEach, beforeAll, expect, jest, test } from '../support/jest.js';
import { waitFor } from '../support/wait.js';

interface Item {
  readonly id: string;
  readonly lane: string;
}

let testDatabase: TestDatabase;
let database: Database;
const replicas: Replica[] = [];
/** Names of replicas that were killed: they are at work on nothing, whatever they left written. */
const killed = new Set<string>();
/** Items that two replicas worked on at once. */
const overlaps: string[] = [];
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase({ connection: testDatabase.connection, poolSize: 6 });
  await database.pool.query(`
    CREATE TABLE work_items (id text PRIMARY KEY, lane text NOT NULL, due_at timestamptz NOT NULL,
      state text NOT NULL DEFAULT 'open', leased_by text, leased_until timestamptz,
      done int NOT NULL DEFAULT 0);
    CREATE TABLE work_under_way (item text PRIMARY KEY, holder text NOT NULL)`);
});
afterEach(async () => {
  await Promise.all(replicas.splice(0).map((replica) => replica.stop()));
  await database.pool.query('TRUNCATE work_items, work_under_way');
  expect(overlaps).toEqual([]);
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

/** A gateway process as far as the engine needs one: connections, a name and an engine. */
interface Replica {
  readonly engine: WorkEngine;
  /** What its leases are held by. */
  readonly name: string;
  /** The names of the statements that it has made. */
  statements(): readonly (string | undefined)[];
  /** Its sessions end at once, as those of a process that is killed; its work writes no more. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

const ROWS: LeasedRowsSettings = {
  table: 'work_items',
  lane: 'lane',
  dueAt: 'due_at',
  isOpen: `state = 'open'`,
  shares: `SELECT ARRAY[left(due.lane, 4)]`,
  onTake: '',
  onRelease: '',
  select: 'SELECT id, lane FROM taken',
  leaseMs: 30_000,
};

const isDone = () => true;

type Work = (item: Item, signal: AbortSignal) => Promise<unknown>;

async function startReplica(
  work: Work,
  settings: Partial<Pick<WorkKind<Item>, 'deadlineMs' | 'maxPerLane' | 'takenAtOnce'>> = {},
  replaced: (queue: WorkQueue<Item>) => Partial<WorkQueue<Item>> = () => ({}),
): Promise<Replica> {
  const own = openDatabase({ connection: testDatabase.connection, poolSize: 4 });
  const asked = jest.spyOn(own.pool, 'query');
  const lease = new ProcessLease(own);
  // A busy machine may have no connection in the time that a gateway waits for one.
  await waitFor('a lease', () => lease.renew().then(isDone, () => false));
  const queue = new LeasedRows<Item>(own.pool, ROWS);
  let isKilled = false;
  const run = async (item: Item, _lane: string, { signal }: WorkEnd) => {
    if (isKilled) throw new Error('killed');
    const { rows } = await own.pool.query<{ other: string | null }>(
      `WITH before AS (SELECT holder FROM work_under_way WHERE item = $1)
       INSERT INTO work_under_way VALUES ($1, $2)
       ON CONFLICT (item) DO UPDATE SET holder = EXCLUDED.holder
       RETURNING (SELECT holder FROM before) AS other`,
      [item.id, lease.name],
    );
    const other = rows[0]?.other ?? null;
    // What a killed process had begun may still get here by a new connection, after its heir.
    if (!isKilled && other !== null && !killed.has(other)) overlaps.push(item.id);
    try {
      await work(item, signal);
    } finally {
      if (!isKilled) {
        await own.pool.query('DELETE FROM work_under_way WHERE item = $1 AND holder = $2', [
          item.id,
          lease.name,
        ]);
      }
    }
    await own.pool.query(
      `UPDATE work_items SET state = 'done', done = done + 1, leased_by = NULL
       WHERE id = $1 AND leased_by = $2`,
      [item.id, lease.name],
    );
    return { state: 'done' } as const;
  };
  const kind = workKind({
    name: 'test',
    queue: {
      dueLanes: (question) => queue.dueLanes(question),
      take: (request) => queue.take(request),
      extend: (...lease) => queue.extend(...lease),
      release: (...items) => queue.release(...items),
      depth: (now) => queue.depth(now),
      ...replaced(queue),
    },
    maxPerLane: () => 2,
    maxInAll: 8,
    maxPerShare: () => 6,
    deadlineMs: 60_000,
    pollMs: 20,
    finishesOnStop: false,
    run,
    ...settings,
  });
  const engine = new WorkEngine([kind], {
    clock: systemClock,
    logger: silentLogger,
    holder: lease.name,
    observe: () => undefined,
  });
  engine.start();
  let ended: Promise<void> | undefined;
  const end = async () => {
    await engine.stop();
    await lease.end();
    await own.close();
  };
  const replica: Replica = {
    engine,
    name: lease.name,
    statements: () =>
      asked.mock.calls.map(([statement]) => (statement as { readonly name?: string }).name),
    kill: async () => {
      isKilled = true;
      killed.add(lease.name);
      await database.pool.query(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1',
        [lease.name],
      );
      await database.pool.query('DELETE FROM gateway_processes WHERE name = $1', [lease.name]);
      ended ??= end();
      await ended;
    },
    stop: () => {
      ended ??= end();
      return ended;
    },
  };
  replicas.push(replica);
  return replica;
}

async function queue(items: readonly Item[], dueInMs = 0): Promise<void> {
  await database.pool.query(
    `INSERT INTO work_items (id, lane, due_at)
     SELECT id, lane, now() + $2 * interval '1 millisecond'
     FROM jsonb_to_recordset($1::jsonb) AS i(id text, lane text)`,
    [JSON.stringify(items), dueInMs],
  );
}

async function eventually(condition: string, count: number): Promise<void> {
  await waitFor(
    `${count} items with ${condition}`,
    async () => {
      const { rows } = await database.pool.query<{ n: number }>(
        `SELECT count(*)::int AS n FROM work_items WHERE ${condition}`,
      );
      return rows[0]?.n ?? 0;
    },
    { until: (seen) => seen === count },
  );
}

const itemsIn = (lanes: Readonly<Record<string, number>>): Item[] =>
  Object.entries(lanes).flatMap(([lane, count]) =>
    Array.from({ length: count }, (_, index) => ({ id: `${lane}-${index}`, lane })),
  );

test('everything due is done once by several processes, whichever are killed in the middle', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.integer({ min: 1, max: 8 })),
      fc.array(fc.nat({ max: 40 }), { minLength: 1, maxLength: 3 }),
      async (lanes, killsAfterMs) => {
        const items = itemsIn(lanes);
        await queue(items);
        const work: Work = async () => systemClock.sleep(5);
        const started = await Promise.all([1, 2, 3, 4].map(() => startReplica(work)));
        await Promise.all(
          killsAfterMs.map(async (ms, index) => {
            await systemClock.sleep(ms);
            await started[index]?.kill();
          }),
        );
        await eventually(`state = 'done'`, items.length);
        await eventually(`done <> 1`, 0);
        await Promise.all(replicas.splice(0).map((replica) => replica.stop()));
        await database.pool.query('TRUNCATE work_items, work_under_way');
      },
    ),
    { numRuns: 8, endOnFailure: true },
  );
});

test('a process that begins while another one looks is not taken for one that is gone', async () => {
  // The look is held up between its list of processes and its second row.
  const HELD_UP = 7;
  const slow = new LeasedRows<Item>(database.pool, {
    ...ROWS,
    isOpen: `state = 'open' AND (id = 'a-0' OR pg_advisory_xact_lock_shared(${HELD_UP}) IS NOT NULL)`,
  });
  await database.pool.query(
    `INSERT INTO work_items (id, lane, due_at, leased_by, leased_until)
     VALUES ('a-0', 'a', now() - interval '1 second', 'gone', 'infinity'),
            ('a-1', 'a', now() - interval '1 second', NULL, NULL)`,
  );
  const request = { now: new Date(), working: [], lane: 'a', limit: 2 };
  const barrier = await database.pool.connect();
  const looking = new ProcessLease(database);
  const beginning = new ProcessLease(database);
  try {
    await looking.renew();
    await barrier.query('SELECT pg_advisory_lock($1)', [HELD_UP]);
    const taken = slow.take({ ...request, holder: looking.name });
    await waitFor('the look to be held up', async () => {
      const { rows } = await database.pool.query(
        `SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = $1 AND NOT granted`,
        [HELD_UP],
      );
      return rows.length === 1;
    });
    await beginning.renew();
    const rows = new LeasedRows<Item>(database.pool, ROWS);
    const [first, ...more] = await rows.take({ ...request, holder: beginning.name, limit: 1 });
    expect([first, more]).toEqual([{ id: 'a-0', lane: 'a' }, []]);
    const [second] = await rows.take({ ...request, holder: beginning.name, working: ['a-0'] });
    expect(second).toEqual({ id: 'a-1', lane: 'a' });
    await barrier.query('SELECT pg_advisory_unlock($1)', [HELD_UP]);
    expect(await taken).toEqual([]);
  } finally {
    barrier.release(true);
    await looking.end();
    await beginning.end();
  }
});

test('a lane that hangs keeps no other waiting, however many items it has', async () => {
  await queue(itemsIn({ slow: 50 }));
  await queue(itemsIn({ quick: 10 }), 1);
  await startReplica(async ({ lane }, signal) => {
    if (lane !== 'slow') return;
    await untilAborted(signal);
  });
  await eventually(`state = 'done' AND lane = 'quick'`, 10);
  await eventually(`state = 'done' AND lane = 'slow'`, 0);
});

test('lanes that hang for one reason, however many, leave places to the others', async () => {
  const hanging = Object.fromEntries(Array.from({ length: 12 }, (_, at) => [`slow-${at}`, 3]));
  await queue(itemsIn(hanging));
  await queue(itemsIn({ quick: 10 }), 1);
  await startReplica(async ({ lane }, signal) => {
    if (lane !== 'quick') await untilAborted(signal);
  });
  await eventually(`state = 'done' AND lane = 'quick'`, 10);
  await eventually(`leased_by IS NOT NULL`, 6);
});

test('items that are leased ahead wait their turn, and are given back when the process stops', async () => {
  await queue(itemsIn({ a: 30 }));
  const replica = await startReplica((_item, signal) => untilAborted(signal), {
    takenAtOnce: 20,
  });
  await eventually('leased_by IS NOT NULL', 20);
  const { rows } = await database.pool.query('SELECT item FROM work_under_way');
  expect(rows.length).toBeLessThanOrEqual(2);
  await replica.stop();
  await eventually('leased_by IS NULL', 30);
});

test('a row that is leased to this process, and that it is not at work on, is taken again', async () => {
  const { name } = await startReplica(async () => undefined);
  // As it is left when the database was away at the end of the work.
  await database.pool.query(
    `INSERT INTO work_items (id, lane, due_at, leased_by, leased_until)
     VALUES ('left', 'a', now(), $1, now() + interval '1 hour')`,
    [name],
  );
  await eventually(`state = 'done'`, 1);
});

test('what is taken while leases are extended is not taken for lost', async () => {
  await queue(itemsIn({ a: 60 }));
  let aborted = 0;
  const work: Work = async (_item, signal) => {
    await systemClock.sleep(15);
    if (signal.aborted) aborted += 1;
  };
  await startReplica(work, {}, (rows) => ({
    extend: async (...lease) => {
      const held = await rows.extend(...lease);
      await systemClock.sleep(40);
      return held;
    },
  }));
  await eventually(`state = 'done'`, 60);
  expect(aborted).toBe(0);
});

test('work past its deadline is aborted and put off, and goes on later', async () => {
  await queue(itemsIn({ a: 1 }));
  let tries = 0;
  const work: Work = async (_item, signal) => {
    tries += 1;
    if (tries > 1) return;
    await untilAborted(signal);
  };
  await startReplica(work, { deadlineMs: 50 });
  await eventually(`state = 'open' AND leased_by IS NULL AND due_at > now()`, 1);
  await eventually(`state = 'done'`, 1);
  expect(tries).toBe(2);
});

test('work whose row is deleted is aborted, and so is that of a lane on demand', async () => {
  await queue(itemsIn({ deleted: 1, aborted: 1 }));
  const aborted = new Set<string>();
  const work: Work = async ({ lane }, signal) => {
    await untilAborted(signal).catch(() => aborted.add(lane));
    throw new Error('aborted');
  };
  const { engine } = await startReplica(work);
  await eventually('leased_by IS NOT NULL', 2);
  await database.pool.query(`DELETE FROM work_items WHERE lane = 'deleted'`);
  await untilTrue('the deleted item’s work is aborted', () => aborted.has('deleted'));
  engine.abortLane('aborted');
  await untilTrue('the lane’s work is aborted', () => aborted.has('aborted'));
});

test('work that throws is put off, for longer each time', async () => {
  await queue(itemsIn({ a: 1 }));
  const startedAt: number[] = [];
  await startReplica(async () => {
    startedAt.push(Date.now());
    throw new Error('not today');
  });
  await untilTrue('three tries', () => startedAt.length === 3);
  const [first = 0, second = 0, third = 0] = startedAt;
  expect(second - first).toBeGreaterThanOrEqual(900);
  expect(third - second).toBeGreaterThanOrEqual(1_900);
});

test('looking for work is one statement each time, however many lanes there are', async () => {
  const lanes = Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`lane-${at}`, 1]));
  await queue(itemsIn(lanes), 3_600_000);
  const { statements } = await startReplica(async () => undefined);
  const asked = () => statements().filter((name) => name !== undefined);
  await waitFor('twenty looks', () => asked().length >= 20);
  expect(new Set(asked())).toEqual(new Set(['due-lanes-of-work_items']));
});

test('tells how much there is to do', async () => {
  await queue(itemsIn({ a: 3 }));
  await queue(itemsIn({ later: 2 }), 60_000);
  const { engine } = await startReplica((_item, signal) => untilAborted(signal));
  await eventually('leased_by IS NOT NULL', 2);
  const depth = (await engine.depths()).get('test');
  expect(depth).toMatchObject({ due: 1, leased: 2 });
  expect(depth?.oldestDueAt).toBeInstanceOf(Date);
});

/** Work that hangs until it is aborted. */
async function untilAborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) {
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  }
  throw new Error('aborted');
}

async function untilTrue(what: string, condition: () => boolean): Promise<void> {
  await waitFor(what, condition);
}
