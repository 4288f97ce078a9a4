import type pg from 'pg';
import type { Database, ProcessLease } from '../database/index.js';
import type { Clock } from '../lib/clock.js';
import { betweenCrashPoints } from '../lib/crash-point.js';
import type { Sealer } from '../lib/seal.js';
import { type Credentials, ProviderError, type ProviderErrorCode } from '../model/index.js';
import type {
  CredentialKeeper,
  ProviderConnection,
  RefreshedCredentials,
} from '../providers/index.js';
import { RefreshesRepository, type RefreshRow } from './refreshes.repository.js';
import { isSameCredentials, SealedCredentials } from './sealed-credentials.js';

/** For a refresh by another process; a call takes no longer. */
const PATIENCE_MS = 20_000;
const LOOK_EVERY_MS = 50;
/** An access token is refreshed when this share of its life is over. */
const EARLY = 0.75;
/** How often the answer is tried to be stored, with a pause that doubles. */
const STORE_TRIES = 7;
const STORE_PAUSE_MS = 250;

/** The provider has done nothing, whatever came before or after. */
const UNSENT: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
]);
const NOT_DONE: ReadonlySet<ProviderErrorCode> = new Set(['rate_limited', 'circuit_open']);
/** Its own statement that it did not. */
const FAILURES: ReadonlySet<ProviderErrorCode> = new Set(['server_error', 'unavailable']);

/**
 * Refreshes credentials once for all replicas. A process notes that it will send a refresh token
 * before it does, and takes the note away together with the answer or a failure that shows that the
 * token was not spent. Is the process gone, or was the answer lost, the token may be spent: it is
 * not sent again, and the connection says so once its access token has ended.
 */
export class CredentialRefresh implements CredentialKeeper {
  private readonly refreshes: RefreshesRepository;
  private readonly sealed: SealedCredentials;
  /** The connections whose refresh token this process has sent, until the result is stored. */
  private readonly sent = new Set<string>();

  constructor(
    private readonly parts: {
      readonly database: Database;
      readonly lease: ProcessLease;
      readonly sealer: Sealer;
      readonly clock: Clock;
      /** Whether a provider documents that its refresh tokens may be used again. */
      readonly lasts: (provider: string) => boolean;
    },
  ) {
    this.refreshes = new RefreshesRepository(parts.database);
    this.sealed = new SealedCredentials(parts.sealer);
  }

  async refresh(
    connection: ProviderConnection,
    ask: (held: ProviderConnection) => Promise<RefreshedCredentials>,
  ): Promise<ProviderConnection> {
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      await this.parts.lease.renew();
      const begun = await this.refreshes.begin(connection.id, (row, client) =>
        this.decide(row, connection, client),
      );
      if (begun === 'sent') return this.send(connection, ask);
      if (begun !== 'busy') return begun;
      if (performance.now() > end) throw busy(connection);
      await this.parts.clock.sleep(LOOK_EVERY_MS);
    }
  }

  /** What is to be done, with the row locked. `sent`: the refresh token is this process's to send. */
  private async decide(
    row: RefreshRow,
    connection: ProviderConnection,
    client: pg.ClientBase,
  ): Promise<'sent' | 'busy' | ProviderConnection> {
    const held = this.sealed.open(row).current;
    if (!isSameCredentials(held, connection.credentials)) return refreshedTo(connection, held, row);
    const lasts = this.parts.lasts(connection.provider);
    if (row.refreshLostAt !== null && !lasts) throw lost(connection, row.refreshLostAt);
    // One of our own that is not under way any more could not note how it ended.
    const isOwn = row.leasedBy === this.parts.lease.name;
    if (row.leasedBy !== null && !row.isLeaseHolderGone && !isOwn) return 'busy';
    // The note was taken, and no answer came: nothing was sent.
    const isUnsent = isOwn && !this.sent.has(row.id);
    if (row.leasedBy !== null && !lasts && !isUnsent) {
      await this.refreshes.markLost(client, row.id, this.parts.clock.now());
      return 'busy';
    }
    await this.refreshes.lease(client, row.id, this.parts.lease.name);
    return 'sent';
  }

  private async send(
    connection: ProviderConnection,
    ask: (held: ProviderConnection) => Promise<RefreshedCredentials>,
  ): Promise<ProviderConnection> {
    const { clock, lease } = this.parts;
    let answer: RefreshedCredentials;
    this.sent.add(connection.id);
    try {
      answer = await betweenCrashPoints('refresh', () => ask(connection));
    } catch (error) {
      // Anything else ends this process, or is as good as its end.
      if (!(error instanceof ProviderError)) throw error;
      const isFree = this.parts.lasts(connection.provider) || isUnspent(error);
      const at = clock.now();
      await this.noted(() =>
        isFree
          ? this.refreshes.release(connection.id, lease.name)
          : this.refreshes.loseOwn(connection.id, lease.name, at),
      );
      this.sent.delete(connection.id);
      throw error;
    }
    const now = clock.now();
    const credentials = { ...connection.credentials, ...answer.credentials };
    const lifetimeMs = answer.expiresInSeconds === null ? null : answer.expiresInSeconds * 1000;
    const after = (share: number) =>
      lifetimeMs === null ? null : new Date(now.getTime() + lifetimeMs * share);
    const times = { tokenExpiresAt: after(1), tokenRefreshAt: after(EARLY) };
    const refreshed = await this.stored(connection, credentials, times);
    this.sent.delete(connection.id);
    return refreshed;
  }

  /**
   * Stores what was refreshed, unless somebody gave other credentials meanwhile: the token is spent.
   */
  private async stored(
    connection: ProviderConnection,
    credentials: Credentials,
    times: { readonly tokenExpiresAt: Date | null; readonly tokenRefreshAt: Date | null },
  ): Promise<ProviderConnection> {
    return this.noted(() =>
      this.refreshes.store(connection.id, times, (row) => {
        const { current, given } = this.sealed.open(row);
        return isSameCredentials(current, connection.credentials)
          ? {
              sealed: this.sealed.seal(credentials, row.id, given),
              result: { ...connection, credentials, ...times },
            }
          : { sealed: null, result: refreshedTo(connection, current, row) };
      }),
    );
  }

  /** Stores the result of a token that was sent; repeated while the database cannot be reached. */
  private async noted<Result>(note: () => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await note();
      } catch (error) {
        if (attempt === STORE_TRIES) throw error;
        await this.parts.clock.sleep(STORE_PAUSE_MS * 2 ** (attempt - 1));
      }
    }
  }
}

function refreshedTo(
  connection: ProviderConnection,
  credentials: Credentials,
  { tokenExpiresAt, tokenRefreshAt }: RefreshRow,
): ProviderConnection {
  return { ...connection, credentials, tokenExpiresAt, tokenRefreshAt };
}

/** Whether a failure shows that the refresh token was not spent. */
function isUnspent(error: ProviderError): boolean {
  const { code, status, cause } = error;
  if (NOT_DONE.has(code)) return true;
  const own = error.providerCode !== null || error.providerMessage !== null;
  if (status !== null && own) return status < 500 || FAILURES.has(code);
  const causeCode =
    typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : '';
  return status === null && UNSENT.has(String(causeCode));
}

function busy({ provider }: ProviderConnection): ProviderError {
  const message = 'The credentials of this connection are being refreshed. Try again.';
  return new ProviderError(provider, 'rate_limited', message, { retryAfterSeconds: 5 });
}

function lost({ provider }: ProviderConnection, at: Date): ProviderError {
  const message =
    `The answer to the refresh token of this connection was lost at ${at.toISOString()}, so that the ` +
    'token may have been used up; it is not sent again. Give the connection new credentials.';
  return new ProviderError(provider, 'credential_rejected', message);
}
