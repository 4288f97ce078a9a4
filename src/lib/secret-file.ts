import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StartError } from './start-error.js';

/**
 * The secret kept in the data folder, made at the first start. Only its owner can read it.
 * @param isDatabaseUsed whether there is a database that was used with a secret: none is made
 * beside it, as it would open nothing there
 * @returns 32 bytes in base64
 * @throws StartError when the secret is lost or the folder cannot be used
 */
export async function secretIn(
  dataDir: string,
  isDatabaseUsed: () => Promise<boolean>,
): Promise<string> {
  const file = join(dataDir, 'secret');
  const secret = (await read(file)) ?? (await make(dataDir, file, isDatabaseUsed));
  if (Buffer.from(secret, 'base64').length === 32) return secret;
  throw new StartError(
    `DATA_DIR: ${file} is damaged. Restore it, or set ROLLCALL_SECRET: without it no stored credential can be opened.`,
  );
}

async function make(
  dataDir: string,
  file: string,
  isDatabaseUsed: () => Promise<boolean>,
): Promise<string> {
  if (await isDatabaseUsed())
    throw new StartError(
      `DATA_DIR: ${file} is missing, and the database was used with the secret in it. Restore it, or set ROLLCALL_SECRET: without it no stored credential can be opened.`,
    );
  try {
    await mkdir(dataDir, { recursive: true });
    // Of processes that start together one makes it; the others read what that one wrote.
    const handle = await open(file, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return undefined;
      throw error;
    });
    if (handle) {
      await handle.writeFile(`${randomBytes(32).toString('base64')}\n`);
      await handle.sync();
      await handle.close();
    }
  } catch (error) {
    throw unusable(dataDir, error);
  }
  return (await read(file)) ?? '';
}

async function read(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unusable(file, error);
  }
}

function unusable(place: string, error: unknown): StartError {
  return new StartError(
    `DATA_DIR: cannot use ${place} (${(error as NodeJS.ErrnoException).code}).`,
  );
}
