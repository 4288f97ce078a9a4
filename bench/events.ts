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
import { report } from './figures.js';
import { type GatewayProcess, startGatewayProcess } from './gateway-process.js';

const PORT = 4970;
const ENDPOINTS = 20;
/** Milliseconds for all deliveries of one round. */
const MAX_DELIVERY_MS = 600_000;
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
    const rate = await fanOut(database, receivers, everybody);
    const bare = await postBare(await readBodies(gateway), receivers);
    report('deliveries to 20 webhooks', rate, 'a second', `${EVENTS} events`);
    report('20 bare loops posting the same bodies', bare, 'a second');
    report('of it', (100 * rate) / bare, '%');

    receivers.slowDown(0);
    const besides = await fanOut(database, receivers, everybody.slice(1));
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

/**
 * Makes events happen and waits until these receivers have them all.
 * @returns deliveries a second
 */
async function fanOut(
  { pool }: Database,
  receivers: Receivers,
  to: readonly number[],
): Promise<number> {
  const before = receivers.answered();
  const started = performance.now();
  await pool.query(
    `INSERT INTO events (id, team_id, type, data, created_at)
     SELECT 'evt_' || md5(random()::text), $1, 'account.updated', jsonb_build_object('number', n, 'filler', repeat('x', 400)), now()
     FROM generate_series(1, $2::int) AS n`,
    [DEFAULT_TEAM_ID, EVENTS],
  );
  const missing = () =>
    to.filter((index) => (receivers.answered()[index] ?? 0) - (before[index] ?? 0) < EVENTS);
  await waitFor(`receivers to get ${EVENTS} events each`, missing, {
    ms: MAX_DELIVERY_MS,
    until: ({ length }) => length === 0,
  });
  return (to.length * EVENTS * 1000) / (performance.now() - started);
}

async function readBodies(gateway: GatewayProcess): Promise<string[]> {
  const bodies: string[] = [];
  for await (const { data } of pagesOf(gateway, '/v1/events?limit=200', 'after'))
    bodies.push(...data.map((event: object) => JSON.stringify(event)));
  return bodies;
}

/**
 * One loop for each receiver, as small as a sender can be: signed, but nothing is read or kept.
 * @returns posts a second
 */
async function postBare(bodies: readonly string[], receivers: Receivers): Promise<number> {
  const secret = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
  const started = performance.now();
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
  return (receivers.ports.length * bodies.length * 1000) / (performance.now() - started);
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
