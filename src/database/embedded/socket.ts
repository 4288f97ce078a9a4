import { type FileHandle, open } from 'node:fs/promises';
import { platform } from 'node:os';
import { join } from 'node:path';
import { StartError } from '../../lib/start-error.js';

/** Not a TCP port (the server has none): it is the end of the socket's name. */
export const socketPort = 5432;

/**
 * Bytes a socket's path may have: `sun_path` in Linux's unix(7) and macOS's unix(4), less the final
 * zero.
 */
const longestPath = platform() === 'linux' ? 107 : 103;

/** The folder of the server's socket, in a spelling that is short enough to connect to. */
interface SocketFolder {
  readonly path: string;
  close(): Promise<void>;
}

/**
 * Linux reaches a folder of any depth through an open descriptor of this process, so a long path
 * needs no second folder.
 *
 * @throws StartError on other systems when the path is too long.
 */
export async function openSocketFolder(folder: string): Promise<SocketFolder> {
  if (Buffer.byteLength(join(folder, `.s.PGSQL.${socketPort}`)) <= longestPath)
    return { path: folder, close: async () => undefined };
  if (platform() !== 'linux') {
    throw new StartError(
      `DATA_DIR: the path ${folder} is too long for the database's socket. Choose a shorter one, or set DATABASE_URL.`,
    );
  }
  const descriptor: FileHandle = await open(folder, 'r');
  return { path: `/proc/self/fd/${descriptor.fd}`, close: () => descriptor.close() };
}
