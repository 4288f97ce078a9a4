import type { Connection } from '../database/prisma-client/client.js';
import type { Sealer } from '../lib/seal.js';
import type { Credentials } from '../model/index.js';

/** The credentials in a row. */
interface OpenedCredentials {
  readonly current: Credentials;
  /** Those that somebody gave; the current ones came from them, when the provider refreshes them. */
  readonly given: Credentials;
}

/** Holds those that were given, where the current ones are others. No credential has such a name. */
const GIVEN = '$given';

/** Credentials as the rows of connections hold them: sealed, and bound to their connection. */
export class SealedCredentials {
  constructor(private readonly sealer: Sealer) {}

  seal(current: Credentials, id: string, given?: Credentials): Uint8Array<ArrayBuffer> {
    const text = JSON.stringify(given === undefined ? current : { ...current, [GIVEN]: given });
    return this.sealer.seal(text, id);
  }

  open({ id, credentials }: Pick<Connection, 'id' | 'credentials'>): OpenedCredentials {
    const opened = JSON.parse(this.sealer.open(credentials, id)) as Credentials & {
      readonly [GIVEN]?: Credentials;
    };
    const { [GIVEN]: given, ...current } = opened;
    return { current, given: given ?? current };
  }
}

/** Whether two sets of credentials have the same values, in any order. */
export function isSameCredentials(one: Credentials, other: Credentials): boolean {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return [...names].every((name) => one[name] === other[name]);
}
