import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { readIfThere, writePrivateFile } from '../lib/private-file.js';
import { StartError } from '../lib/start-error.js';
import type { KeyStanding } from './teams.service.js';

/** How a start tells of the root key. */
export interface RootKeyWords {
  /** Where it is, as the end of a sentence. */
  readonly where: string;
  /** What stands for it between double quotes in a shell. */
  readonly shell: string;
}

/**
 * The file that keeps a root key the gateway made: in the data folder, readable by its owner alone.
 * It is where the key is to be found, as standard output is often collected and kept. The key may
 * be another database's, where a data folder is started with one database and then with another.
 */
export class RootKeyFile {
  readonly path: string;

  /** @param standingOf tells how a key stands in the database of this start */
  constructor(
    dataDir: string,
    private readonly standingOf: (key: string) => Promise<KeyStanding>,
  ) {
    this.path = join(resolve(dataDir), 'root-key');
  }

  /** Keeps a key that was made just now. @throws StartError when it cannot be written */
  async keep(key: string): Promise<void> {
    await writePrivateFile(this.path, `${key}\n`).catch((error: NodeJS.ErrnoException) => {
      throw new StartError(
        `DATA_DIR: cannot write the new root key to ${this.path} (${error.code}). Make the folder writable, or set ROLLCALL_ROOT_KEY.`,
      );
    });
  }

  /** Removes the file when its key has ended. */
  async removeEnded(): Promise<void> {
    if ((await this.standing()) === 'ended') await rm(this.path, { force: true });
  }

  /**
   * @param given `ROLLCALL_ROOT_KEY`
   * @param made the key when it was made just now: it is shown to a terminal alone
   */
  async describe(
    given: string | undefined,
    made: string | undefined,
    isTerminal: boolean,
  ): Promise<RootKeyWords> {
    if ((await this.standing()) === 'live') {
      const shown = made !== undefined && isTerminal ? `${made}, ` : '';
      const quoted = `'${this.path.replaceAll("'", `'\\''`)}'`;
      return {
        where: `${shown}in ${this.path} (only its owner can read it)`,
        shell: `$(cat ${quoted})`,
      };
    }
    const where = given === undefined ? 'was made at the first start' : 'is ROLLCALL_ROOT_KEY';
    return { where: `${where}; $ROLLCALL_KEY below stands for it`, shell: '$ROLLCALL_KEY' };
  }

  private async standing(): Promise<KeyStanding> {
    const kept = await readIfThere(this.path);
    return kept === undefined ? 'unknown' : this.standingOf(kept.trim());
  }
}
