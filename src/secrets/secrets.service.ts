import type pg from 'pg';
import type { ProcessLease } from '../database/index.js';
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import type { Sealer } from '../lib/seal.js';
import type { DatedKey, PublicKey } from '../lib/signature.js';
import { StartError } from '../lib/start-error.js';
import { LASTING_VALUES } from './sealed-values.js';
import type { KnownSecret, SecretsRepository } from './secrets.repository.js';

/** Values of each column that secrets are tried on where none is written down yet. */
const SAMPLE = 50;
/** How long a gateway that has just been stopped may still be seen. */
const STOPPING_MS = 1_000;
const ASK_AGAIN_MS = 100;

/** What this process makes of one of its secrets. */
export interface HeldSecret {
  /** Has this secret alone. */
  readonly sealer: Sealer;
  readonly receiptKey: PublicKey;
}

interface SecretsServiceParts {
  readonly secrets: SecretsRepository;
  /** By id; the first is the one in use. */
  readonly held: ReadonlyMap<string, HeldSecret>;
  readonly lease: ProcessLease;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Which secrets the values in this database are sealed with. `secret_keys` has a row for each, with
 * a text that only this secret opens.
 *
 * - A gateway starts only when it has every secret that values may be sealed with.
 * - A secret that is new to the database is put to use only when every gateway that runs can open
 *   what it seals; their names in the database tell which secrets they have.
 * - Once `rotate-secret` has begun, no gateway starts that would seal with a former one.
 */
export class SecretsService {
  private readonly current: string;
  private isComplete = true;

  constructor(private readonly parts: SecretsServiceParts) {
    const [current = ''] = parts.held.keys();
    this.current = current;
  }

  /**
   * Puts the secret of this process to use.
   * @throws StartError when it is a wrong one, a former one, or one that running gateways lack
   */
  async claim(): Promise<void> {
    const { clock, lease, secrets } = this.parts;
    // Seen by the others from here on: whoever rotates the secret sees us, or we see what it did.
    await lease.renew();
    const end = Date.now() + STOPPING_MS;
    for (;;) {
      const lacking = await secrets.alone((client) => this.tryClaim(client));
      if (lacking === 0) return;
      if (Date.now() > end)
        throw new StartError(
          `ROLLCALL_SECRET: ${lacking} running gateways cannot decrypt what this secret encrypts. Add it to their ROLLCALL_PREVIOUS_SECRETS first, or stop them.`,
        );
      await clock.sleep(ASK_AGAIN_MS);
    }
  }

  /** Looks whether this process still has every secret in use; see `problem`. */
  async check(): Promise<void> {
    const known = await this.parts.secrets.known();
    this.isComplete = known.every((secret) => this.has(secret));
  }

  /** What the last `check` found wrong; `null`: nothing. */
  get problem(): string | null {
    return this.isComplete
      ? null
      : 'another gateway encrypts with a secret that this one does not have';
  }

  /** The keys that receipts are and were signed with, oldest first. */
  async receiptKeys(): Promise<DatedKey[]> {
    const known = await this.parts.secrets.known();
    return known.flatMap((secret) => {
      const key = this.receiptKeyOf(secret);
      return key ? [{ ...key, valid_from: secret.since, valid_until: secret.replaced_at }] : [];
    });
  }

  /**
   * Begins to replace every other secret.
   * @returns how many running gateways still seal with another one; nothing has begun then
   */
  beginRotation(): Promise<number> {
    const { clock, secrets } = this.parts;
    return secrets.alone(async (client) => {
      const names = await secrets.gateways(client);
      const others = names.filter((name) => secretsOf(name)[0] !== shortId(this.current));
      if (others.length === 0) await secrets.replaceOthers(client, this.current, clock.now());
      return others.length;
    });
  }

  /**
   * Nothing is sealed with former secrets any more: of them only the keys of receipts stay, sealed
   * with the one in use, so that nobody without it can add one.
   */
  endRotation(): Promise<void> {
    const { secrets } = this.parts;
    return secrets.alone(async (client) => {
      for (const secret of await secrets.known(client)) {
        const key = this.receiptKeyOf(secret);
        if (secret.id === this.current || !key) continue;
        await secrets.retire(client, secret.id, this.seal(JSON.stringify(key), secret.id));
      }
    });
  }

  /** @returns how many running gateways lack the secret; it is not put to use then */
  private async tryClaim(client: pg.ClientBase): Promise<number> {
    const { clock, secrets } = this.parts;
    const known = await secrets.known(client);
    if (known.length === 0) return this.adopt(client);
    const unknown = known.find((secret) => !this.has(secret));
    if (unknown)
      throw new StartError(
        `ROLLCALL_SECRET: this database holds values encrypted with another secret (key ${unknown.id}), which is neither this one nor in ROLLCALL_PREVIOUS_SECRETS. Set the secret that the database was used with.`,
      );
    const own = known.find(({ id }) => id === this.current);
    if (own?.replaced_at)
      throw new StartError(
        `ROLLCALL_SECRET: this secret was replaced on ${own.replaced_at.toISOString()} by npm run rotate-secret. Set the one that replaced it.`,
      );
    if (own) return 0;
    return (await this.lacking(client)) || this.add(client, this.current, clock.now());
  }

  /** The first start that writes secrets down: ours must open what is there. */
  private async adopt(client: pg.ClientBase): Promise<number> {
    const { clock, held, logger, secrets } = this.parts;
    const used = new Set<string>();
    let closed = 0;
    for (const column of LASTING_VALUES) {
      for (const { key, sealed } of await secrets.sealed(column, undefined, SAMPLE, client)) {
        const boundTo = column.boundTo(key);
        const found = [...held].find(([, { sealer }]) => sealer.canOpen(sealed, boundTo));
        if (found) used.add(found[0]);
        else closed += 1;
      }
    }
    if (closed > 0 && used.size === 0)
      throw new StartError(
        'ROLLCALL_SECRET: it decrypts nothing in this database. Set the secret that the database was used with.',
      );
    if (closed > 0)
      logger.warn(
        'stored values cannot be decrypted: ROLLCALL_PREVIOUS_SECRETS lacks their secret',
        {
          count: closed,
        },
      );
    if (used.size > 0 && !used.has(this.current)) {
      const lacking = await this.lacking(client);
      if (lacking > 0) return lacking;
    }
    for (const id of used) await this.add(client, id, null);
    return used.has(this.current) ? 0 : this.add(client, this.current, clock.now());
  }

  private async add(client: pg.ClientBase, id: string, since: Date | null): Promise<0> {
    await this.parts.secrets.add(client, id, this.seal('', id, id), since);
    return 0;
  }

  /** How many running gateways do not have the secret in use here. */
  private async lacking(client: pg.ClientBase): Promise<number> {
    const names = await this.parts.secrets.gateways(client);
    return names.filter((name) => !secretsOf(name).includes(shortId(this.current))).length;
  }

  /** Whether the secret is one of ours, or nothing is sealed with it any more. */
  private has({ id, canary }: KnownSecret): boolean {
    return canary === null || this.parts.held.get(id)?.sealer.canOpen(canary, boundTo(id)) === true;
  }

  private receiptKeyOf({ id, receipt_key: sealed }: KnownSecret): PublicKey | undefined {
    const { held } = this.parts;
    if (sealed === null) return held.get(id)?.receiptKey;
    const opening = [...held.values()].find(({ sealer }) => sealer.canOpen(sealed, boundTo(id)));
    return opening && (JSON.parse(opening.sealer.open(sealed, boundTo(id))) as PublicKey);
  }

  /** @param by the id of the secret that seals it; the one in use when left out */
  private seal(text: string, id: string, by = this.current): Uint8Array {
    const sealed = this.parts.held.get(by)?.sealer.seal(text, boundTo(id));
    if (!sealed) throw new Error(`secret ${by} is not one of ours`);
    return sealed;
  }
}

const boundTo = (id: string) => `secret ${id}`;

/** Whether one of the secrets of `sealer` is the one that a canary was sealed with. */
export function opensCanary(sealer: Sealer, id: string, canary: Uint8Array): boolean {
  return sealer.canOpen(canary, boundTo(id));
}

/** How many secrets a process's name has room for. */
const NAMED_SECRETS = 3;
/** An id as it stands in names. */
const shortId = (id: string) => id.slice(0, 4);

/** What a process adds to its name: its secrets, the one that seals first. */
export function nameOfSecrets(keyIds: readonly string[]): string {
  return keyIds.slice(0, NAMED_SECRETS).map(shortId).join('.');
}

/** The secrets in a process's name; none in one of the release before. */
function secretsOf(name: string): string[] {
  return (name.split(' ')[2] ?? '').split('.');
}
