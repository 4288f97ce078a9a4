import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type Client, clientOf } from '../support/client.js';
import { makeFolder, removeFolder } from '../support/folder.js';
import { type GatewayProcess, startProcess } from '../support/gateway-process.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { memoryOf, memoryOfDatabase } from '../support/memory.js';
import { openSocket } from '../support/raw-socket.js';
import { MAX_WAIT_MS, waitFor } from '../support/wait.js';

/**
 * One team, or one provider, does its worst to a gateway that runs as operators run it; another
 * team's requests are timed before and meanwhile. Bounds are ratios with a wide floor: what they
 * guard against was a refusal of most requests, a silence of a minute and gigabytes.
 */
const REQUESTS = 24;
const MAX_RATIO = 50;
const MIN_BOUND_MS = 3_000;
/** Of timing again what looks harmed. */
const MAX_ROUNDS = 6;
const MAX_GATEWAY_MIB = 400;
const MAX_DATABASE_MIB = 300;

let folder: string;
let gateway: GatewayProcess;
let greedy: Client[];
let victim: Client;
/** Of a body that was begun at the start. */
let endOfBody: Promise<string>;

beforeAll(async () => {
  folder = await makeFolder();
  gateway = await startProcess({
    DATA_DIR: join(folder, 'data'),
    SANDBOX: 'true',
    SANDBOX_ACCOUNTS: '300',
  });
  greedy = (await newTeam('greedy', 10)).keys;
  [victim] = (await newTeam('victim', 1)).keys as [Client];
  const { socket, ended } = await openSocket(gateway.url);
  socket.write(head(victim.key));
  endOfBody = ended;
});
afterAll(async () => {
  await gateway?.end('SIGTERM');
  await removeFolder(folder);
});

/** A team with keys whose rates are no part of the attack. */
async function newTeam(name: string, keys: number): Promise<{ id: string; keys: Client[] }> {
  const { body } = await gateway.root.post('/v1/teams', { name });
  const id = body.data.id as string;
  const asked = { name, scopes: ['admin'], rate_limit: { quota: 1_000_000, window_seconds: 1 } };
  const clients: Client[] = [];
  for (let count = 0; count < keys; count++) {
    const made = await gateway.root.post('/v1/keys', asked, { 'Rollcall-Team': id });
    clients.push(clientOf(gateway.url, made.body.data.key));
  }
  return { id, keys: clients };
}

interface Times {
  readonly p99: number;
  readonly errors: number;
}

/** The victim's requests, no two alike, two at a time. */
async function timed(): Promise<Times> {
  const times: number[] = [];
  let errors = 0;
  const ask = async (first: number) => {
    for (let number = first; number < REQUESTS; number += 2) {
      const since = new Date(number * 1_000 + Math.floor(performance.now())).toISOString();
      const started = performance.now();
      const { status } = await victim.get(`/v1/accounts?updated_since=${since}`);
      times.push(performance.now() - started);
      if (status !== 200) errors += 1;
    }
  };
  await Promise.all([ask(0), ask(1)]);
  times.sort((one, other) => one - other);
  return { p99: times[Math.ceil(times.length * 0.99) - 1] ?? 0, errors };
}

/**
 * Holds the victim's requests during an attack to those before it.
 * @param attack one of its lines, again and again until the victim is done; several run at once
 */
async function hold(lines: number, attack: (line: number) => Promise<unknown>): Promise<void> {
  const before = await timed();
  let isOver = false;
  const attacks = Array.from({ length: lines }, async (_, line) => {
    while (!isOver) await attack(line);
  });
  const meanwhile = await timedUnharmed(before);
  isOver = true;
  await Promise.all(attacks);
  expectUnharmed(before, meanwhile);
}

/**
 * Times again what looks harmed: an attack harms each round, a machine that is busy with something
 * else does not.
 */
async function timedUnharmed(before: Times): Promise<Times> {
  let meanwhile = await timed();
  for (let again = 0; again < MAX_ROUNDS && !isUnharmed(before, meanwhile); again++)
    meanwhile = await timed();
  return meanwhile;
}

const maxErrors = (before: Times) => before.errors + REQUESTS / 10;
const maxP99 = (before: Times) => Math.max(MIN_BOUND_MS, MAX_RATIO * before.p99);
const isUnharmed = (before: Times, { errors, p99 }: Times) =>
  errors <= maxErrors(before) && p99 < maxP99(before);

/** A busy machine may have one request in ten refused, whoever asks. */
function expectUnharmed(before: Times, meanwhile: Times): void {
  expect(meanwhile.errors).toBeLessThanOrEqual(maxErrors(before));
  expect(meanwhile.p99).toBeLessThan(maxP99(before));
}

/** Of the gateway and its database, in MiB. */
async function memory(): Promise<{ gateway: number; database: number }> {
  return {
    gateway: await memoryOf(gateway.pid),
    database: await memoryOfDatabase(join(folder, 'data')),
  };
}

async function expectMemoryKept(work: () => Promise<void>): Promise<void> {
  const before = await memory();
  await work();
  const after = await memory();
  expect(after.gateway - before.gateway).toBeLessThan(MAX_GATEWAY_MIB);
  expect(after.database - before.database).toBeLessThan(MAX_DATABASE_MIB);
}

/** A request whose body does not come to its end. */
const head = (key: string | undefined) =>
  `POST /v1/webhooks HTTP/1.1\r\nHost: rollcall\r\nAuthorization: Bearer ${key}\r\n` +
  'Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"url":';

const keyOf = (line: number) => greedy[line % greedy.length] as Client;

describe('another team is answered as before, and memory stays, while one', () => {
  test('asks with labels that nobody has asked with', () =>
    expectMemoryKept(async () => {
      let count = 0;
      await hold(8, (line) => {
        const labels = Array.from({ length: 10 }, () => `label[k${count++}]=v`);
        return keyOf(line).get(`/v1/accounts?${labels.join('&')}`);
      });
    }));

  test('plans with 15,000 labels', () =>
    expectMemoryKept(async () => {
      const label = Object.fromEntries(
        Array.from({ length: 15_000 }, (_, index) => [`k${index}`, 'v']),
      );
      const body = JSON.stringify({ filter: { label }, dry_run: true });
      await hold(4, (line) =>
        keyOf(line).send('POST', '/v1/disconnects', body, { 'Content-Type': 'application/json' }),
      );
    }));

  test('reads its disconnects in long pages, on forty lines', () =>
    expectMemoryKept(() => hold(40, (line) => keyOf(line).get('/v1/disconnects?limit=200'))));

  test('sends bodies of unknown fields, and gets a short answer', () =>
    expectMemoryKept(async () => {
      const fields = Object.fromEntries(
        Array.from({ length: 18_000 }, (_, index) => [`field${index}`, 0]),
      );
      const body = JSON.stringify(fields);
      const send = (line: number) =>
        keyOf(line).send('POST', '/v1/keys', body, { 'Content-Type': 'application/json' });
      // Alone, as what attacks may be refused for its load.
      const { status, text, body: problem } = await send(0);
      expect([status, problem.errors.length, problem.errors_omitted]).toEqual([422, 20, 17_982]);
      expect(text.length).toBeLessThan(10_000);
      await hold(4, send);
    }));

  test('begins hundreds of bodies with ten keys and ends none', () =>
    expectMemoryKept(async () => {
      const before = await timed();
      const refusals: number[] = [];
      const sockets = await Promise.all(
        Array.from({ length: 600 }, async (_, line) => {
          const opened = await openSocket(gateway.url);
          opened.socket.write(head(keyOf(line).key));
          void opened.ended.then((answer) => refusals.push(Number(answer.split(' ')[1])));
          return opened.socket;
        }),
      );
      expectUnharmed(before, await timedUnharmed(before));
      // A team has 200 requests in progress; others that it begins meanwhile are refused at once.
      await waitFor('refusals', () => refusals.filter((status) => status === 429).length, {
        until: (count) => count >= 100,
      });
      for (const socket of sockets) socket.destroy();
    }));

  test('opens streams with ten keys', () =>
    expectMemoryKept(async () => {
      const left = new AbortController();
      const responses = await Promise.all(
        Array.from({ length: 100 }, async (_, line) => {
          const response = await fetch(`${gateway.url}/v1/events/stream`, {
            headers: { Authorization: `Bearer ${keyOf(line).key}` },
            signal: left.signal,
          });
          if (response.status !== 200) await response.text();
          return response;
        }),
      );
      const answeredWith = (status: number) => responses.filter((one) => one.status === status);
      // A response that nothing refers to is collected, and its connection closed.
      const streams = answeredWith(200);
      expect(streams).toHaveLength(30);
      expect(answeredWith(429)).toHaveLength(70);
      await hold(1, () => keyOf(0).get('/v1/whoami'));
      left.abort();
      await Promise.allSettled(streams.map((stream) => stream.text()));
    }));
});

test('a body has seconds to arrive', async () => {
  expect(await waitFor('the body to be given up', () => endOfBody)).toMatch(/^HTTP\/1.1 400 /);
});

describe('a provider that answers with 64 MiB', () => {
  const ITEMS = 2_500;
  let provider: Server;
  beforeAll(async () => {
    const item = (number: number) => ({
      id: `acc_${number}`,
      platform: 'instagram',
      username: `user${number}`,
      is_active: true,
      more: Object.fromEntries(
        Array.from({ length: 400 }, (_, part) => [`part${part}`, 'x'.repeat(43)]),
      ),
    });
    const huge = { ...item(ITEMS), id: 'acc_huge', username: 'huge', bio: 'x'.repeat(9_000_000) };
    const long = { ...item(ITEMS), id: `acc_${'é'.repeat(3_000)}` };
    const list = Array.from({ length: ITEMS }, (_, number) => item(number));
    const body = JSON.stringify({ accounts: [...list, huge, long] });
    expect(body.length).toBeGreaterThan(60 * 1024 * 1024);
    expect(body.length).toBeLessThan(64 * 1024 * 1024);
    const bytes = Buffer.from(body);
    provider = createServer((_request, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(bytes);
    }).listen(0, '127.0.0.1');
    await once(provider, 'listening');
  });
  afterAll(() => {
    provider?.close();
    provider?.closeAllConnections();
  });

  test('silences nobody: its accounts land, what is too large is told, the loop goes on', () =>
    expectMemoryKept(async () => {
      const { id } = await newTeam('large', 0);
      const team = { 'Rollcall-Team': id };
      const before = await timed();
      const made = await gateway.root.post(
        '/v1/connections',
        {
          provider: 'octopost',
          credentials: { api_key: 'oct_live_0123456789abcdef' },
          base_url: `http://127.0.0.1:${(provider.address() as AddressInfo).port}`,
          verify: false,
        },
        team,
      );
      expect(made.status).toBe(201);
      const path = `/v1/connections/${made.body.data.id}/sweeps`;
      const sweep = await waitFor(
        'the large sweep to end',
        async () => {
          expectUnharmed(before, await timedUnharmed(before));
          return (await gateway.root.get(path, team)).body.data[0];
        },
        // Each look takes as long as the requests that are timed.
        { ms: 3 * MAX_WAIT_MS, until: (row) => row?.finished_at != null },
      );
      expect(sweep).toMatchObject({ state: 'succeeded', seen: ITEMS + 1, quarantined: 1 });
      expect(sweep.quarantine[0].reason).toContain('longer than 1024 bytes');
      const huge = '/v1/accounts/octopost:acc_huge?include=remote_data';
      const { remote_data } = (await gateway.root.get(huge, team)).body.data;
      expect(remote_data.bio).toBe('[left out: more than 65536 bytes]');
      expect(JSON.stringify(remote_data).length).toBeLessThan(64 * 1024);
    }));
});
