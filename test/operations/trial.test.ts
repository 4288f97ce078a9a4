import { randomUUID } from 'node:crypto';
import { loadavg } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '../../sandbox/deterministic.js';
import { bringUpToDate } from '../../src/database/index.js';
import { type Client, clientOf, patient, type Reply } from '../support/client.js';
import { migrationsFolder } from '../support/database.js';
import { describeWith } from '../support/describe-with.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { ROOT_KEY } from '../support/gateway-process.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';
import { startReceiver } from '../support/receiver.js';
import { startTcpPostgres, type TcpPostgres } from '../support/tcp-postgres.js';
import { waitFor } from '../support/wait.js';
import { startPager } from './feed-readers.js';
import { audited, isAnswered, type KeyedPost, prepareKeyedPosts } from './keyed-posts.js';
import { Place } from './trial-place.js';

/** The long form: so many minutes, at least. Each trouble comes once in the short one. */
const MINUTES = Number(process.env.TRIAL_MINUTES ?? 0);
/** The short form is the same each time, the long one is not. */
const SEED = Number(
  process.env.TRIAL_SEED ?? (MINUTES > 0 ? Math.floor(Math.random() * 1e6) : 482_091),
);
const DISCONNECTS = MINUTES > 0 ? 1_000 : 40;
/** POSTs of each route: pairs, as two of each are made ready at once, and one is done undisturbed. */
const PAIRS = MINUTES > 0 ? 7 : 1;
const CALLERS = MINUTES > 0 ? 12 : 6;
/** Between two troubles. */
const MAX_CALM_MS = MINUTES > 0 ? 8_000 : 500;
/** Longer than any pause that there may be, and short of the test's own limit. */
const WAIT = { ms: 180_000, everyMs: 200 };

/** Something that is to be done once, whatever happens. */
interface Task {
  readonly what: string;
  ask(): Promise<Reply>;
}

describeWith(['haproxy', 'pgbouncer'], 'a random trial', () => {
  /** Of the troubles alone, so that their order is the seed's, and of what callers do. */
  const [random, ofCallers] = [seededRandom(SEED), seededRandom(SEED + 1)];
  const pick = <One>(ones: One[], by: () => number): One =>
    ones.splice(Math.floor(by() * ones.length), 1)[0] as One;
  let postgres: TcpPostgres;
  let receiver: Awaited<ReturnType<typeof startReceiver>>;
  let prepared: Gateway;
  let place: Place;
  /** The team whose accounts are disconnected. */
  let team: { id: string; client: Client };
  const accounts = Array.from({ length: DISCONNECTS }, () => randomUUID());
  const sets: KeyedPost[][] = [];
  /** What became of each request, as callers saw it. */
  const answers: { what: string; reply: Reply | undefined }[] = [];
  let longestWaitMs = 0;
  let isEnded = false;
  let pager: ReturnType<typeof startPager> | undefined;

  beforeAll(async () => {
    postgres = await startTcpPostgres();
    receiver = await startReceiver();
    const connection = { connectionString: postgres.url };
    await bringUpToDate({ connection, owner: undefined }, migrationsFolder);
    const nothing = async () => undefined;
    const settings = { place: { connection, gateway: connection, drop: nothing } };
    // With the patience that gateways have by themselves: much is made ready at once.
    prepared = await startGateway({ ...settings, policies: {}, pool: { poolSize: 40 } });
    team = await prepared.newTeam('trial');
    const { sandbox } = prepared;
    for (const id of accounts) sandbox.provider('creatoraudit').putAccount(id, {});
    await prepared.connect('creatoraudit', team.id);
    const tools = { gateway: prepared, receiverUrl: receiver.url };
    for (let pair = 0; pair < PAIRS; pair++)
      sets.push(...(await Promise.all([prepareKeyedPosts(tools), prepareKeyedPosts(tools)])));
    await prepared.halt();
    place = await Place.begin(postgres, random);
  });
  afterAll(async () => {
    isEnded = true;
    await pager?.end();
    await place?.stop();
    await prepared?.stop();
    receiver?.stop();
    await postgres?.stop();
  });

  const client = (key: string | undefined) => clientOf(place.url, key);

  const posting = ({ route, path, body, team: of, key, client: own }: KeyedPost): Task => {
    const isRoot = own === prepared.root;
    const headers = { 'Idempotency-Key': key, ...(isRoot && { 'Rollcall-Team': of }) };
    const caller = client(isRoot ? ROOT_KEY : own.key);
    return { what: `POST ${route}`, ask: () => caller.post(path, body, headers) };
  };
  const disconnecting = (id: string, index: number): Task => {
    const caller = client(team.client.key);
    const ref = `creatoraudit:${id}`;
    if (index % 2 === 0)
      return {
        what: 'DELETE /v1/accounts/{id}',
        ask: () => caller.delete(`/v1/accounts/${ref}`, { Prefer: 'wait=1' }),
      };
    const body = { account_ids: [ref] };
    const headers = { 'Idempotency-Key': randomUUID() };
    return { what: 'POST a disconnect', ask: () => caller.post('/v1/disconnects', body, headers) };
  };

  /**
   * Asks until the gateway says what came of it. What a proxy says without one, and what breaks, is
   * no answer.
   */
  async function answered({ what, ask }: Task): Promise<Reply> {
    const begun = performance.now();
    let last = 'none';
    for (;;) {
      const waitedMs = performance.now() - begun;
      if (isEnded || waitedMs > WAIT.ms)
        throw new Error(`Waited ${waitedMs} ms for what comes of ${what}. Last answer: ${last}`);
      const reply = await ask().catch(() => undefined);
      const isOurs = reply?.headers.has('x-request-id') ? reply : undefined;
      answers.push({ what, reply: isOurs });
      last = isOurs ? `${isOurs.status} ${isOurs.text}` : 'none';
      if (isOurs && isAnswered(isOurs)) {
        longestWaitMs = Math.max(longestWaitMs, performance.now() - begun);
        return isOurs;
      }
      await sleep(200);
    }
  }

  /** Writes all the time. @returns the longest time without a write, in milliseconds */
  function watch(ref: string) {
    let isOver = false;
    let [last, longest] = [performance.now(), 0];
    const caller = client(team.client.key);
    const write = async (turn: number) => {
      const reply = await caller
        .patch(`/v1/accounts/${ref}`, { labels: { turn: `${turn}` } })
        .catch(() => undefined);
      if (reply?.status === 200) {
        longest = Math.max(longest, performance.now() - last);
        last = performance.now();
      }
    };
    const running = Promise.all(
      [1, 2].map(async () => {
        for (let turn = 0; !(isOver || isEnded); turn++) {
          await write(turn);
          await sleep(150);
        }
      }),
    );
    return {
      last: () => last,
      end: async () => {
        isOver = true;
        await running;
        return longest;
      },
    };
  }

  test(`loses nothing and does nothing twice (TRIAL_SEED=${SEED})`, async () => {
    const [first = [], ...others] = sets;
    for (const reply of await Promise.all(first.map((post) => answered(posting(post)))))
      expect([reply.status < 300, reply.text]).toEqual([true, reply.text]);
    const undisturbed = new Map(await audited((text, values) => place.ask(text, values), first));

    const reader = patient(clientOf(place.url, team.client.key));
    const [begin] = (await reader.get('/v1/events?limit=1')).body.data;
    pager = startPager([{ root: reader }], begin.id, ofCallers);
    const [watched = '', ...ended] = accounts;
    const watching = watch(`creatoraudit:${watched}`);
    const posts = others.flat();
    const tasks = [...posts.map(posting), ...ended.map(disconnecting)];
    const began = performance.now();
    const isOver = () => performance.now() - began > MINUTES * 60_000;
    // Spread over the time, those first that are good for ten minutes only.
    const total = tasks.length;
    const urgent = tasks.filter(({ what }) => what.endsWith('/complete'));
    const rest = tasks.filter((task) => !urgent.includes(task));
    const failures: [what: string, status: number, text: string][] = [];
    let done = 0;
    const call = async () => {
      while (urgent.length + rest.length > 0) {
        const due = (MINUTES * 60_000 * done) / total;
        if (performance.now() - began < due) await sleep(50);
        else {
          done += 1;
          const task = pick(urgent.length > 0 ? urgent : rest, ofCallers);
          const reply = await answered(task);
          if (reply.status >= 300) failures.push([task.what, reply.status, reply.text]);
        }
      }
    };
    const calling = Promise.all(Array.from({ length: CALLERS }, call));
    // It is awaited once the troubles are over.
    calling.catch(() => undefined);

    const suffered: Record<string, number> = {};
    const due: string[] = [];
    do {
      if (due.length === 0) due.push(...Object.keys(place.troubles));
      const trouble = pick(due, random);
      suffered[trouble] = (suffered[trouble] ?? 0) + 1;
      await place.troubles[trouble]?.();
      const after = performance.now();
      const isWritten = () => {
        place.requireRunning();
        return watching.last() > after;
      };
      await waitFor(`a write after the ${trouble}`, isWritten, WAIT);
      await sleep(MAX_CALM_MS * random());
    } while (due.length > 0 || !isOver());
    await calling;
    const longestPauseMs = await watching.end();

    const isDone = `SELECT count(*)::int AS open FROM disconnect_steps
      WHERE state IN ('pending', 'running') AND team_id = $1`;
    await waitFor('every disconnect to end', () => place.ask(isDone, [team.id]), {
      ...WAIT,
      until: ([row]) => row?.open === 0,
    });
    const told = `SELECT id FROM events WHERE team_id = $1 ORDER BY position`;
    const events = (await place.ask(told, [team.id])).map(({ id }) => id);
    const [, ...after] = events.slice(events.indexOf(begin.id));
    await waitFor('the feed to show all', () => (pager?.seen.length ?? 0) >= after.length, WAIT);
    await pager.end();

    const statuses: Record<string, number> = {};
    for (const { reply } of answers) {
      const status = String(reply?.status ?? 'none');
      statuses[status] = (statuses[status] ?? 0) + 1;
    }
    const figures = {
      ...{ seed: SEED, minutes: Math.round((performance.now() - began) / 600) / 100 },
      ...{ disconnects: ended.length, posts: posts.length, answers: statuses, suffered },
      longest_pause_s: Math.round(longestPauseMs / 100) / 10,
      longest_wait_s: Math.round(longestWaitMs / 100) / 10,
      load: loadavg()[0],
    };
    process.stdout.write(`random trial: ${JSON.stringify(figures)}\n`);

    const unexpected = await place.unexpected();
    expect({ unexpected, failures }).toEqual({ unexpected: [], failures: [] });
    const strange = answers.flatMap(({ what, reply }) =>
      reply === undefined || isOurs(reply) ? [] : [[what, reply.status, reply.text]],
    );
    expect(strange).toEqual([]);
    const { deletes } = prepared.sandbox.provider('creatoraudit').counts();
    const once = { calls: 1, effective: 1 };
    expect(deletes).toEqual(Object.fromEntries(ended.map((id) => [id, once])));
    for (const [route, actions] of await audited((text, values) => place.ask(text, values), posts))
      expect([route, actions]).toEqual([route, undisturbed.get(route)]);
    expect(pager.seen).toEqual(after);
  });
});

/** 2xx, a 4xx of ours, or 503 that says when to come back. */
function isOurs({ status, headers, body }: Reply): boolean {
  if (status >= 500) return status === 503 && /^\d+$/.test(headers.get('retry-after') ?? '');
  return status < 300 || (status >= 400 && typeof body?.code === 'string');
}
