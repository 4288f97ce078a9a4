import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, chown, rename, rm, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type Binaries, findBinaries } from '../../src/database/embedded/binaries.js';
import { initialize } from '../../src/database/embedded/cluster.js';
import { findHome } from '../../src/database/embedded/home.js';
import { run } from '../../src/database/embedded/process.js';
import { makeFolder, removeFolder } from './folder.js';

/** A PostgreSQL as operators run theirs: on TCP, with a password. */
export interface TcpPostgres {
  readonly port: number;
  readonly password: string;
  /** A DATABASE_URL of an empty database. */
  readonly url: string;
  /** Ends it as a crash would. */
  crash(): Promise<void>;
  /** Starts it again, on the same port with what it had. */
  restart(): Promise<void>;
  /**
   * Keeps a copy of all that it has by now. It is started anew for that.
   * @returns puts the copy in the place of what it has then, as a recovery does
   */
  keep(): Promise<() => Promise<void>>;
  /** Begins a standby that streams from it. It is started anew for that. */
  startStandby(): Promise<Standby>;
  /** Starts it after a crash as a standby of nobody: it serves reads of what it had. */
  restartAsStandby(): Promise<void>;
  /** Leaves nothing behind, standbys included. */
  stop(): Promise<void>;
}

/** A PostgreSQL that follows another one. */
export interface Standby {
  readonly port: number;
  readonly url: string;
  /** Makes it a primary. */
  promote(): Promise<void>;
  crash(): Promise<void>;
  restart(): Promise<void>;
  /** As of the first one; on a port where nothing listens any more. */
  startStandby(port: number): Promise<Standby>;
}

const silent = () => undefined;
/** Seconds that the server has for a start, a stop or a promotion. */
const MAX_CONTROL_S = 300;

interface TcpPostgresSettings {
  /** The folder of its programs; the embedded server's when left out. */
  readonly programs?: string;
  /** How `initdb` is told of encoding and locale. */
  readonly text?: readonly string[];
}

/** Starts one on a free loopback port, with scram-sha-256 for everybody. */
export async function startTcpPostgres({
  programs,
  text = ['-E', 'UTF8', '--locale', 'C'],
}: TcpPostgresSettings = {}): Promise<TcpPostgres> {
  const folder = await makeFolder();
  const home = await findHome(folder, silent);
  const embedded = await findBinaries(home, silent);
  const binaries = programs === undefined ? embedded : programsIn(programs);
  const password = 'correct/horse@battery';
  const passwordFile = join(folder, 'password');
  await writeFile(passwordFile, password);
  const port = await findFreePort();
  const { cluster, failure } = await initialize(home.user, binaries, join(home.folder, 'made'), [
    ...['-U', 'gateway', '--auth', 'scram-sha-256', '--pwfile', passwordFile],
    ...text,
  ]);
  if (failure !== undefined) throw new Error(failure);
  const { pgControl } = binaries;
  const settingsFor = (listensOn: number) =>
    `-p ${listensOn} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c timezone=Asia/Tokyo -c wal_retrieve_retry_interval=200ms`;
  const crashOf = (place: string) => () =>
    must(pgControl, ['stop', '-w', '-m', 'immediate', '-D', place]);
  const startOf = (place: string, listensOn: number) => () =>
    must(pgControl, [
      ...['start', '-w', '-D', place, '-l', join(place, 'log'), '-o', settingsFor(listensOn)],
    ]);
  const [crash, start] = [crashOf(cluster), startOf(cluster, port)];
  await start();
  const standbys: Standby[] = [];
  const urlOf = (listensOn: number) =>
    `postgresql://gateway:${encodeURIComponent(password)}@127.0.0.1:${listensOn}/postgres`;
  /** PostgreSQL owns its files. */
  const own = async (file: string) => {
    const { uid, gid } = await stat(cluster);
    await chown(file, uid, gid);
  };
  const follow = async (place: string, settings: string) => {
    const signal = join(place, 'standby.signal');
    await writeFile(signal, '');
    await own(signal);
    await appendFile(join(place, 'postgresql.auto.conf'), settings);
  };

  async function startStandby(from: string, sourcePort: number, port: number): Promise<Standby> {
    const place = join(dirname(cluster), `standby-${standbys.length}`);
    await crashOf(from)();
    await promisify(execFile)('cp', ['-a', from, place]);
    await startOf(from, sourcePort)();
    const source = `host=127.0.0.1 port=${sourcePort} user=gateway password=${password}`;
    await follow(place, `primary_conninfo = '${source}'\n`);
    const standby: Standby = {
      port,
      url: urlOf(port),
      promote: () => must(pgControl, ['promote', '-w', '-D', place]),
      crash: crashOf(place),
      restart: startOf(place, port),
      startStandby: (next) => startStandby(place, port, next),
    };
    await standby.restart();
    standbys.push(standby);
    return standby;
  }

  async function must(program: string, parameters: string[]): Promise<void> {
    // `pg_ctl` itself waits 60 seconds, which a busy machine exceeds.
    const bounded = [...parameters, '-t', String(MAX_CONTROL_S)];
    const { code, output } = await run(program, bounded, home.user);
    if (code !== 0) throw new Error(output);
  }
  return {
    port,
    password,
    url: urlOf(port),
    crash,
    restart: start,
    keep: async () => {
      const copy = join(folder, 'copy');
      // The copy keeps the owner of its files.
      await crash();
      await promisify(execFile)('cp', ['-a', cluster, copy]);
      await start();
      return async () => {
        await crash();
        await rm(cluster, { recursive: true });
        await rename(copy, cluster);
        await start();
      };
    },
    startStandby: async () => startStandby(cluster, port, await findFreePort()),
    restartAsStandby: async () => {
      await follow(cluster, '');
      await start();
    },
    stop: async () => {
      for (const standby of standbys) await standby.crash().catch(() => undefined);
      await crash().catch(() => undefined);
      await removeFolder(folder);
    },
  };
}

function programsIn(folder: string): Binaries {
  return {
    postgres: join(folder, 'postgres'),
    initdb: join(folder, 'initdb'),
    pgControl: join(folder, 'pg_ctl'),
    majorVersion: basename(dirname(folder)),
  };
}

/** A port on which nothing listens. */
export async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
