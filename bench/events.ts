import { spawn } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Client } from 'undici';
import { type Database, openDatabase, startEmbedded } from '../src/database/index.js';
import { DEFAULT_TEAM_ID } from '../src/teams/teams.service.js';
import { signedHeaders } from '../src/webhooks/signature.js';
import { pagesOf } from '../test/support/pages.js';
import { waitFor } from '../test/support/wait.js';
import { median, report, spread } from './figures.js';
import { type GatewayProcess, startGatewayProcess } from './gateway-process.js';

const PORT = 4970;
const ENDPOINTS = 20;
/** Milliseconds for all deliveries of one round. */
const MAX_DELIVERY_MS = 600_000;
const ROUNDS = 5;
const EVENTS = Number(process.env.BENCH_EVENTS ?? 1_000);

/**
 * Events fanned out to 20 webhooks, beside bare loops that post the same bodies to the same
 * receivers, and with one that is slow.
 */
export async function events(): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'rollcall-bench-'));
  // Run by root, the embedded PostgreSQL has another user.
  await chmod(dataDir, 0o755);
  const gateway = await startGatewayProcess(PORT, {
    DATA_DIR: dataDir,
    SANDBOX: 'false',
    WEBHOOKS_ALLOW_LOOPBACK: 'true',
  });
  const embedded = await startEmbedded({ dataDir, onProgress: () => undefined });
  const database = openDatabase({ connection: embedded.connection, poolSize: 2 });
  const receivers = await startReceivers();
  try {
    for (const port of receivers.ports)
      await gateway.post('/v1/webhooks', { url: `http://127.0.0.1:${port}/hook` });
    const everybody = receivers.ports.map((_, index) => index);
    const rounds: { readonly made: FanOut; readonly bare: Posted; readonly micros: number }[] = [];
    for (let round = 0; round <= ROUNDS; round += 1) {
      const before = await gateway.cpuSeconds();
      const made = await fanOut(database, receivers, everybody);
      const spent = (await gateway.cpuSeconds()) - before;
      const bodies = (await readBodies(gateway)).slice(-EVENTS);
      const bare = await postBare(bodies, receivers);
      // The first round warms up.
      if (round > 0) rounds.push({ made, bare, micros: (1e6 * spent) / (ENDPOINTS * EVENTS) });
    }
    const middle = (of: (round: (typeof rounds)[number]) => number) => median(rounds.map(of));
    const rate = middle(({ made }) => made.rate);
    const shares = rounds.map(({ made, bare }) => (100 * made.rate) / bare.rate);
    report('deliveries to 20 webhooks', rate, 'a second', `${EVENTS} events, from the first on`);
    report(
      'the first after',
      middle(({ made }) => made.waitMs),
      'ms',
    );
    report(
      '20 bare loops posting the same bodies',
      middle(({ bare }) => bare.rate),
      'a second',
    );
    report(
      'of it',
      median(shares),
      '%',
      `${ROUNDS} rounds in turn, ± ${Math.round(spread(shares) / 2)} %`,
    );
    report(
      'processor time of a delivery',
      middle(({ micros }) => micros),
      'µs',
      'with PostgreSQL',
    );
    report(
      'of a post of the bare loops',
      middle(({ bare }) => bare.micros),
      'µs',
    );

    receivers.slowDown(0);
    const { rate: besides } = await fanOut(database, receivers, everybody.slice(1));
    report('deliveries to 19 while one takes 10 s an answer', besides, 'a second');
    report(
      'for each, of what it was',
      (100 * (besides / (ENDPOINTS - 1))) / (rate / ENDPOINTS),
      '%',
    );
  } finally {
    receivers.stop();
    await database.close();
    await gateway.stop();
    await embedded.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

interface FanOut {
  /** Deliveries a second, from the first on. */
  readonly rate: number;
  /** Until the first: work is looked for once a second. */
  readonly waitMs: number;
}

interface Posted {
  /** Posts a second. */
  readonly rate: number;
  /** Processor time of each. */
  readonly micros: number;
}

/** Makes events happen and waits until these receivers have them all. */
async function fanOut(
  { pool }: Database,
  receivers: Receivers,
  to: readonly number[],
): Promise<FanOut> {
  const before = receivers.answered();
  await pool.query(
    `INSERT INTO events (id, team_id, type, data, created_at)
     SELECT 'evt_' || md5(random()::text), $1, 'account.updated', jsonb_build_object('number', n, 'filler', repeat('x', 400)), now()
     FROM generate_series(1, $2::int) AS n`,
    [DEFAULT_TEAM_ID, EVENTS],
  );
  const started = performance.now();
  const got = (index: number) => (receivers.answered()[index] ?? 0) - (before[index] ?? 0);
  let first: number | undefined;
  const missing = () => {
    if (to.some((index) => got(index) > 0)) first ??= performance.now();
    return to.filter((index) => got(index) < EVENTS);
  };
  await waitFor(`receivers to get ${EVENTS} events each`, missing, {
    ms: MAX_DELIVERY_MS,
    everyMs: 5,
    until: ({ length }) => length === 0,
  });
  const since = first ?? started;
  return {
    rate: (to.length * EVENTS * 1000) / (performance.now() - since),
    waitMs: since - started,
  };
}

async function readBodies(gateway: GatewayProcess): Promise<string[]> {
  const bodies: string[] = [];
  for await (const { data } of pagesOf(gateway, '/v1/events?limit=200', 'after'))
    bodies.push(...data.map((event: object) => JSON.stringify(event)));
  return bodies;
}

/**
 * One loop for each receiver, as small as a sender can be: signed, but nothing is read or kept.
 */
async function postBare(bodies: readonly string[], receivers: Receivers): Promise<Posted> {
  const secret = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
  const started = performance.now();
  const before = process.cpuUsage();
  await Promise.all(
    receivers.ports.map(async (port) => {
      const client = new Client(`http://127.0.0.1:${port}`);
      for (const [index, body] of bodies.entries()) {
        const headers = {
          'content-type': 'application/json',
          ...signedHeaders(`evt_${index}`, new Date(), body, [secret]),
        };
        const answer = await client.request({ path: '/hook', method: 'POST', headers, body });
        await answer.body.dump();
      }
      await client.close();
    }),
  );
  const { user, system } = process.cpuUsage(before);
  const posts = receivers.ports.length * bodies.length;
  return {
    rate: (posts * 1000) / (performance.now() - started),
    micros: (user + system) / posts,
  };
}

interface Receivers {
  readonly ports: readonly number[];
  /** How many requests each has answered. */
  answered(): readonly number[];
  /** From now on this one takes 10 s over each answer. */
  slowDown(index: number): void;
  stop(): void;
}

async function startReceivers(): Promise<Receivers> {
  const program = decodeURIComponent(new URL('./receivers.js', import.meta.url).pathname);
  const child = spawn(process.execPath, [program, String(ENDPOINTS)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface(child.stdout);
  let answered: readonly number[] = [];
  const ports = await new Promise<number[]>((resolve) => {
    lines.once('line', (line) => {
      lines.on('line', (counts) => {
        answered = JSON.parse(counts);
      });
      resolve(JSON.parse(line));
    });
  });
  return {
    ports,
    answered: () => answered,
    slowDown: (index) => child.stdin.write(`slow:${index}\n`),
    stop: () => child.kill('SIGKILL'),
  };
}
