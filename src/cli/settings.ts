import { chmod, mkdir, readFile, stat } from 'node:fs/promises';
import { homedir, platform } from 'node:os';
import { join } from 'node:path';
import { writePrivateFile } from '../lib/private-file.js';
import { CommandError, EXIT } from './exit-codes.js';
import type { Environment } from './output/terminal.js';

export const DEFAULT_URL = 'http://127.0.0.1:3000';
const DEFAULT_PROFILE = 'default';
/** Anybody but the owner. */
const OTHERS = 0o077;

/** What is kept of one gateway and key, but for the key. */
interface StoredProfile {
  readonly url: string;
  /** That the root key acts for. */
  readonly team?: string;
}

interface StoredSettings {
  readonly current: string;
  readonly profiles: Readonly<Record<string, StoredProfile>>;
}

/** What flags say, before the environment and what is stored. */
export interface AccessFlags {
  readonly profile?: string | undefined;
  readonly url?: string | undefined;
  readonly team?: string | undefined;
}

/** The gateway to ask, and with what key. */
export interface Access {
  readonly profile: string;
  readonly url: string;
  readonly team: string | undefined;
  readonly key: string | undefined;
}

/**
 * What `rollcall login` keeps: `config.json`, without secrets, and `credentials.json`, which only its
 * owner may read.
 */
export class SettingsStore {
  readonly folder: string;

  constructor(private readonly environment: Environment) {
    this.folder = folderOf(environment);
  }

  get credentialsFile(): string {
    return join(this.folder, 'credentials.json');
  }

  async settings(): Promise<StoredSettings> {
    const stored = (await this.read('config.json')) as Partial<StoredSettings> | undefined;
    return { current: stored?.current ?? DEFAULT_PROFILE, profiles: stored?.profiles ?? {} };
  }

  /** Flags come before the environment, and that before what is stored. */
  async access({ profile, url, team }: AccessFlags): Promise<Access> {
    const { ROLLCALL_PROFILE, ROLLCALL_URL, ROLLCALL_TEAM, ROLLCALL_API_KEY } = this.environment;
    const { current, profiles } = await this.settings();
    const name = profile ?? given(ROLLCALL_PROFILE) ?? current;
    const stored = profiles[name];
    if (stored === undefined && (profile ?? given(ROLLCALL_PROFILE)) !== undefined)
      throw new CommandError(
        EXIT.usage,
        'usage',
        `There is no profile ${JSON.stringify(name)}: make it with \`rollcall login --profile ${name}\`.`,
      );
    const asked = url ?? given(ROLLCALL_URL);
    const address = withoutSlash(asked ?? stored?.url ?? DEFAULT_URL);
    const key = given(ROLLCALL_API_KEY) ?? (await this.storedKey(name, address, stored));
    return { profile: name, url: address, team: team ?? given(ROLLCALL_TEAM) ?? stored?.team, key };
  }

  async keep(name: string, profile: StoredProfile, key: string): Promise<void> {
    const { profiles } = await this.settings();
    const keys = await this.keys();
    await this.write('credentials.json', { keys: { ...keys, [name]: key } });
    await this.write('config.json', { current: name, profiles: { ...profiles, [name]: profile } });
  }

  async use(name: string): Promise<void> {
    await this.write('config.json', { ...(await this.settings()), current: name });
  }

  /** @returns whether there was a key */
  async forget(name: string): Promise<boolean> {
    const { [name]: key, ...keys } = await this.keys();
    const { current, profiles } = await this.settings();
    const { [name]: _profile, ...others } = profiles;
    if (key !== undefined) await this.write('credentials.json', { keys });
    await this.write('config.json', { current, profiles: others });
    return key !== undefined;
  }

  /** A stored key goes to the gateway that it was stored for, and to no other address. */
  private async storedKey(
    name: string,
    address: string,
    stored: StoredProfile | undefined,
  ): Promise<string | undefined> {
    if (stored === undefined) return undefined;
    const key = (await this.keys())[name];
    if (key === undefined || address === stored.url) return key;
    throw new CommandError(
      EXIT.key,
      'unauthorized',
      `The key of the profile ${JSON.stringify(name)} is for ${stored.url} and is not sent to ${address}. Set ROLLCALL_API_KEY, or log in there with another --profile.`,
    );
  }

  private async keys(): Promise<Readonly<Record<string, string>>> {
    const file = this.credentialsFile;
    for (const place of [this.folder, file]) {
      const found = await stat(place).catch(() => undefined);
      if (found !== undefined && platform() !== 'win32' && (found.mode & OTHERS) !== 0)
        throw new CommandError(
          EXIT.key,
          'unsafe_credentials',
          `${place} can be read by others than its owner. Run \`chmod ${found.isDirectory() ? 700 : 600} ${place}\`, and replace the keys in it if others had access.`,
        );
    }
    const stored = (await this.read('credentials.json')) as
      | { keys?: Record<string, string> }
      | undefined;
    return stored?.keys ?? {};
  }

  private async read(name: string): Promise<unknown> {
    const file = join(this.folder, name);
    try {
      return JSON.parse(await readFile(file, 'utf8'));
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return undefined;
      throw new CommandError(EXIT.failed, 'unreadable_settings', `${file}: ${message}`);
    }
  }

  private async write(name: string, value: unknown): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    await chmod(this.folder, 0o700);
    await writePrivateFile(join(this.folder, name), `${JSON.stringify(value, null, 2)}\n`);
  }
}

function folderOf({ ROLLCALL_CONFIG_DIR, XDG_CONFIG_HOME, APPDATA }: Environment): string {
  if (given(ROLLCALL_CONFIG_DIR) !== undefined) return ROLLCALL_CONFIG_DIR ?? '';
  const parent = given(XDG_CONFIG_HOME) ?? (platform() === 'win32' ? given(APPDATA) : undefined);
  return join(parent ?? join(homedir(), '.config'), 'rollcall');
}

/** An empty variable counts as none. */
const given = (text: string | undefined) => (text === '' ? undefined : text);

/** An address without slashes at its end. */
export const withoutSlash = (url: string): string => url.replace(/\/+$/, '');
