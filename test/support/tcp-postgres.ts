import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { rename, rm, writeFile } from 'node:fs/promises';
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
  /** Leaves nothing behind. */
  stop(): Promise<void>;
}

const silent = () => undefined;

export interface TcpPostgresSettings {
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
  const settings = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c timezone=Asia/Tokyo`;
  const crash = () => must(pgControl, ['stop', '-w', '-m', 'immediate', '-D', cluster]);
  const start = () =>
    must(pgControl, ['start', '-w', '-D', cluster, '-l', join(cluster, 'log'), '-o', settings]);
  await start();

  async function must(program: string, parameters: string[]): Promise<void> {
    const { code, output } = await run(program, parameters, home.user);
    if (code !== 0) throw new Error(output);
  }
  return {
    port,
    password,
    url: `postgresql://gateway:${encodeURIComponent(password)}@127.0.0.1:${port}/postgres`,
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
    stop: async () => {
      await crash();
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
