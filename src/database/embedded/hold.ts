import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { StartError } from '../../lib/start-error.js';
import type { DatabaseConnection } from '../hosts.js';
import type { Binaries } from './binaries.js';
import type { Home } from './home.js';
import { launchServer, removeForeignPid, shutServerDown } from './server.js';

/**
 * The advisory lock by which processes share the server: shared to use it, exclusive to shut it
 * down.
 */
const holdLock = 7_025_118;

/** Milliseconds a server may take to come up; recovery after a crash is the long case. */
const patience = 60_000;

/** No server listens: its socket is absent or dead. */
const absent = ['ENOENT', 'ECONNREFUSED'];
/** A server is starting, stopping or full, in PostgreSQL's codes and the socket's. */
const passing = ['57P01', '57P02', '57P03', '53300', 'ECONNRESET', 'EPIPE'];

/**
 * Brings the server up, or joins the one that runs, and keeps a session with a shared lock in it. A
 * session ends with its process, so a killed process holds nothing.
 *
 * @throws StartError when the server does not come up.
 */
export async function holdServer(
  home: Home,
  binaries: Binaries,
  connection: DatabaseConnection,
): Promise<pg.Client> {
  const deadline = Date.now() + patience;
  let server: { ended: Promise<string> } | undefined;
  while (Date.now() < deadline) {
    const attempt = await tryHold(connection, 'pg_advisory_lock_shared');
    if (attempt instanceof pg.Client) return attempt;

    if (attempt === 'absent') server ??= await launchServer(home, binaries);
    const output = await Promise.race([server?.ended, sleep(20)]);
    if (server && output !== undefined) {
      server = undefined;
      await afterFailedLaunch(home, output);
    }
  }
  throw new StartError(
    `The embedded PostgreSQL did not start within ${patience / 1000} s; see its log ${home.folder}/server.log`,
  );
}

/** Gives the hold back and shuts the server down unless another process holds it. */
export async function releaseServer(
  home: Home,
  binaries: Binaries,
  hold: pg.Client,
): Promise<void> {
  await hold.query('SELECT pg_advisory_unlock_shared($1)', [holdLock]);
  // One that gives it back at the same time may shut the server down, and this session with it.
  const isLast = await hold
    .query<{ last: boolean }>('SELECT pg_try_advisory_lock($1) AS last', [holdLock])
    .then(
      ({ rows }) => rows[0]?.last ?? false,
      () => false,
    );
  // While this session has the exclusive lock, a process that wants to join waits, and starts the
  // server again once it is down.
  if (isLast) await shutServerDown(home, binaries);
  await hold.end().catch(() => undefined);
}

/**
 * Shuts the server down unless a process uses it; one that comes or goes is waited for.
 * @returns whether none runs now
 */
export async function endUnlessHeld(
  home: Home,
  binaries: Binaries,
  connection: DatabaseConnection,
): Promise<boolean> {
  const deadline = Date.now() + patience;
  while (Date.now() < deadline) {
    const attempt = await tryHold(connection, 'pg_try_advisory_lock');
    if (attempt === 'absent') return true;
    if (attempt === 'held') return false;
    if (attempt instanceof pg.Client) {
      await shutServerDown(home, binaries);
      await attempt.end().catch(() => undefined);
      return true;
    }
    await sleep(20);
  }
  return false;
}

/** @param how a function of PostgreSQL's that takes the lock, or says that it did not */
async function tryHold(
  connection: DatabaseConnection,
  how: 'pg_advisory_lock_shared' | 'pg_try_advisory_lock',
): Promise<pg.Client | 'absent' | 'passing' | 'held'> {
  const client = new pg.Client({
    ...connection,
    database: 'postgres',
    application_name: 'rollcall hold',
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ held: unknown }>(`SELECT ${how}($1) AS held`, [holdLock]);
    if (rows[0]?.held !== false) return client;
    await client.end();
    return 'held';
  } catch (error) {
    await client.end().catch(() => undefined);
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (absent.includes(code)) return 'absent';
    if (passing.includes(code) || message.startsWith('Connection terminated')) return 'passing';
    throw error;
  }
}

/**
 * Another process's server, on its way up or down, is waited for, and one that another process used
 * and shut down before we got to it is started again; anything else will not get better.
 */
async function afterFailedLaunch(home: Home, output: string): Promise<void> {
  if (/received \w+ shutdown request/.test(output)) return;
  if (!/lock file ".*" (already exists|is empty)|pre-existing shared memory/.test(output)) {
    const reason = output.split('\n').findLast((line) => line.includes('FATAL')) ?? output.trim();
    throw new StartError(`The embedded PostgreSQL in ${home.folder} did not start: ${reason}`);
  }
  await removeForeignPid(home);
  await sleep(100);
}
