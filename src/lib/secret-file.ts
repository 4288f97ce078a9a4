import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StartError } from './start-error.js';

/**
 * The secret kept in the data folder, made at the first start. Only its owner can read it.
 * @returns 32 bytes in base64
 * @throws StartError when the folder cannot be used
 */
export async function secretIn(dataDir: string): Promise<string> {
  const file = join(dataDir, 'secret');
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
    const secret = (await readFile(file, 'utf8')).trim();
    if (Buffer.from(secret, 'base64').length === 32) return secret;
  } catch (error) {
    throw new StartError(
      `DATA_DIR: cannot use ${dataDir} (${(error as NodeJS.ErrnoException).code}).`,
    );
  }
  throw new StartError(
    `DATA_DIR: ${file} is damaged. Restore it, or set ROLLCALL_SECRET: without it no stored credential can be opened.`,
  );
}
