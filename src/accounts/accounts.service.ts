import type pg from 'pg';
import { type AuditEntry, actorOf, recordAudit } from '../audit/index.js';
import type { ConnectionsService } from '../connections/index.js';
import type { Database } from '../database/index.js';
import type { Connection } from '../database/prisma-client/client.js';
import { withTransaction } from '../database/transact.js';
import type { Caller } from '../http/caller.js';
import { invalidField, notFound, Problem } from '../http/problem.js';
import type { Clock } from '../lib/clock.js';
import { isStorable } from '../lib/text.js';
import { type AnyAdapter, MAX_LABELS, type OperationName, ProviderError } from '../model/index.js';
import {
  type CallContext,
  type Observation,
  type ProviderConnection,
  type Providers,
  secretsOf,
  shownSettings,
  withChanges,
} from '../providers/index.js';
import { usernameKey } from './account-filter.js';
import type {
  AccountRow,
  AccountsRepository,
  FoundAccount,
  SettleProfiles,
} from './accounts.repository.js';
import type { AccountChangeRequest, AccountRequest } from './accounts.requests.js';
import { ambiguousReference } from './ambiguous-reference.js';
import { createdSince, requireCreation } from './creation.js';
import { isStale } from './identity.js';
import { mergeLabels } from './labels.repository.js';
import { writeObservations } from './observations.repository.js';
import type { Probes, Ration } from './probes.js';
import { readSettings } from './read-settings.js';
import { toRecord } from './record.js';
import { requireSame, requireSameAfter } from './require-same.js';

interface Probed {
  readonly id: string;
  readonly ration: Ration;
  readonly document: string | undefined;
}

/** Of a connection's probes: the others are left to callers. */
const REPORTS_SHARE = 1 / 2;

interface AccountsServiceParts {
  readonly database: Database;
  readonly accounts: AccountsRepository;
  readonly connections: ConnectionsService;
  readonly providers: Providers;
  readonly probes: Probes;
  readonly settleProfiles: SettleProfiles;
  readonly clock: Clock;
}

/**
 * What callers do with single accounts, one method each. Responses are read from the database.
 */
export class AccountsService {
  constructor(private readonly parts: AccountsServiceParts) {}

  /**
   * The account that `reference` names: our id, a ref, or a provider's id that is unique in the
   * team.
   * @throws Problem 404, or 409 `ambiguous_reference` listing the refs
   */
  async find(caller: Caller, reference: string): Promise<FoundAccount> {
    const found = isStorable(reference)
      ? await this.parts.accounts.findByReference(caller, reference)
      : [];
    const [row, another] = found;
    if (!row) throw notFound(`Account ${reference}`);
    if (!another) return row;
    throw ambiguousReference(reference, found);
  }

  /** Like `find`, for actions on an account that is still connected. */
  async findConnected(caller: Caller, reference: string): Promise<FoundAccount> {
    const row = await this.find(caller, reference);
    if (row.status === 'disconnecting' || row.status === 'disconnected') {
      throw new Problem(
        'conflict',
        `The account is ${row.status}. This request needs a connected account.`,
        { account_id: row.id },
      );
    }
    return row;
  }

  /** The JSON text of the account. */
  async document(caller: Caller, reference: string, withRemoteData: boolean): Promise<string> {
    return this.documentOf((await this.find(caller, reference)).id, withRemoteData);
  }

  /**
   * The JSON text of the account with an id of ours.
   * @param client in a transaction, to see what it wrote
   */
  async documentOf(id: string, withRemoteData: boolean, client?: pg.ClientBase): Promise<string> {
    const document = await this.parts.accounts.document(id, withRemoteData, client);
    if (document === undefined) throw notFound(`Account ${id}`);
    return document;
  }

  /**
   * Has the provider create (or track) the account.
   * @param begunBefore when an earlier attempt at the same was cut off: an account that the
   * provider has held only since is its work
   */
  async create(
    caller: Caller,
    request: AccountRequest,
    context: CallContext,
    begunBefore: Date | undefined,
  ): Promise<ProviderResult> {
    const { connections } = this.parts;
    // Where the provider cannot do it, no choice of a connection would help.
    if (request.connection_id === undefined && request.provider !== undefined)
      requireCreation(connections.adapterFor(caller, request.provider));
    const connection = await connections.resolve(caller, request);
    const adapter = this.adapter(connection);
    requireCreation(adapter);
    if (!adapter.platforms.includes(request.platform))
      throw invalidField('platform', `must be one of: ${adapter.platforms.join(', ')}`);
    const username = request.username.replace(/^@/, '');
    const settings =
      request.settings === undefined
        ? {}
        : readSettings(adapter.createSettings ?? adapter.settings, adapter, request.settings);
    const account = { platform: request.platform, username, settings };
    const access = connections.openAccessTo(connection);
    const observation = await this.parts.providers
      .create(access, account, context)
      .catch(async (error: unknown) => {
        if (!(error instanceof ProviderError && error.code === 'already_exists')) throw error;
        const own =
          begunBefore &&
          (await createdSince(begunBefore, this.parts.providers, access, account, context));
        if (own) return own;
        const known = await this.parts.accounts.findByUsername(
          connection.id,
          request.platform,
          usernameKey(username),
        );
        const named = known ? `Use the account ${known.id}.` : 'The next sweep adds it.';
        throw new Problem(
          'conflict',
          `${adapter.name} already has ${username} on ${request.platform}. ${named}`,
          known ? { account_id: known.id } : {},
        );
      });
    const labels = request.labels && { labels: request.labels };
    const shown = shownSettings(settings, secretsOf(adapter, access));
    const after = { platform: request.platform, username, settings: shown, ...labels };
    return {
      connection,
      observation,
      labels: request.labels,
      auditEntry: { caller, action: 'account.created', after },
    };
  }

  /**
   * Merges settings over the provider's current ones and sends them whole; merges labels here.
   * @returns the account's JSON text, read in the transaction that changed it
   * @throws Problem 409 `identity_changed` when the provider shows somebody else under the id
   */
  async change(
    caller: Caller,
    reference: string,
    change: AccountChangeRequest,
    context: CallContext,
  ): Promise<string> {
    const row = await this.findConnected(caller, reference);
    if (
      change.labels !== undefined &&
      (await this.parts.accounts.countLabels(row.id, change.labels)) > MAX_LABELS
    ) {
      throw invalidField('labels', `must have at most ${MAX_LABELS} labels in total`);
    }
    if (change.settings !== undefined) {
      const connection = await this.connectionOf(row);
      const adapter = this.adapter(connection);
      this.requireOperation(adapter, 'update');
      const changes = readSettings(adapter.settings, adapter, change.settings);
      const access = this.parts.connections.openAccessTo(connection);
      const current = await this.lookUp(row, access, context);
      requireSame(row, current);
      const { before: former, after: settings } = withChanges(adapter, current, changes);
      const answer = await this.parts.providers.update(
        access,
        { id: row.provider_account_id, settings },
        context,
      );
      const secrets = secretsOf(adapter, access);
      const shown = (whole: typeof settings) => shownSettings(whole, secrets);
      const facts = { before: { settings: shown(former) }, after: { settings: shown(settings) } };
      const auditEntry = { caller, action: 'account.settings_changed', ...facts };
      const observation = await this.shownAfter(row, auditEntry, async () => answer);
      const result = { connection, observation, auditEntry };
      const { document } = await withTransaction(this.parts.database.pool, (client) =>
        this.record(client, result),
      );
      if (change.labels === undefined) return document;
    }
    const labels = { caller, id: row.id, changes: change.labels ?? {}, at: this.parts.clock.now() };
    return withTransaction(this.parts.database.pool, async (client) => {
      await mergeLabels(client, labels);
      return this.documentOf(row.id, false, client);
    });
  }

  /**
   * Asks the provider now and writes down what it says; calls for one account at the same time
   * share one request.
   * @returns the account's JSON text as it was when the look was written, unless that of another
   * call was shared
   */
  async probe(caller: Caller, reference: string, context: CallContext): Promise<Probed> {
    const row = await this.findConnected(caller, reference);
    let document: string | undefined;
    const look = async () => {
      document = await this.look(row, context);
    };
    const ration = await this.parts.probes.run(row, this.adapter(row), look);
    return { id: row.id, ration, document };
  }

  /**
   * A probe that nobody waits for, within half of the connection's ration.
   * @returns `false` when it tells nothing: the ration is used up, or the look failed
   */
  async probeReported(row: AccountRow, context: CallContext): Promise<boolean> {
    const look = async () => {
      await this.look(row, context);
    };
    try {
      await this.parts.probes.run(row, this.adapter(row), look, REPORTS_SHARE);
      return true;
    } catch (error) {
      context.signal?.throwIfAborted();
      if (error instanceof ProviderError) return false;
      if (!(error instanceof Problem)) throw error;
      return error.code === 'not_found';
    }
  }

  /** @returns the account's JSON text */
  private async look(row: AccountRow, context: CallContext): Promise<string> {
    const connection = await this.connectionOf(row);
    const access = this.parts.connections.openAccessTo(connection);
    const observation = await this.lookUp(row, access, context);
    const { document } = await withTransaction(this.parts.database.pool, (client) =>
      this.record(client, { connection, observation }),
    );
    return document;
  }

  /**
   * Pauses or resumes the account at its provider, which may be in that state already, and looks at
   * it: before, too, when the last good look is over a minute old.
   * @throws Problem 409 `identity_changed` when the provider shows somebody else under the id
   */
  async switch(
    caller: Caller,
    reference: string,
    to: 'pause' | 'resume',
    context: CallContext,
  ): Promise<ProviderResult> {
    const row = await this.findConnected(caller, reference);
    const connection = await this.connectionOf(row);
    this.requireOperation(this.adapter(connection), to);
    const access = this.parts.connections.openAccessTo(connection);
    if (isStale(row.looked_at, this.parts.clock.now()))
      requireSame(row, await this.lookUp(row, access, context));
    await this.parts.providers[to](access, { id: row.provider_account_id }, context);
    const auditEntry = { caller, action: to === 'pause' ? 'account.paused' : 'account.resumed' };
    const observation = await this.shownAfter(row, auditEntry, () =>
      this.lookUp(row, access, context),
    );
    return { connection, observation, auditEntry };
  }

  /**
   * The account's row and its provider access, for reads that pass through.
   * @throws Problem 422 when the provider has no such operation
   */
  async accessFor(
    caller: Caller,
    reference: string,
    operation: OperationName,
  ): Promise<{ row: AccountRow; access: ProviderConnection }> {
    const row = await this.findConnected(caller, reference);
    const connection = await this.connectionOf(row);
    this.requireOperation(this.adapter(connection), operation);
    return { row, access: this.parts.connections.openAccessTo(connection) };
  }

  /**
   * Writes down a result.
   * @param client within a transaction
   * @returns the account's id and its JSON text
   * @throws Problem 404 when the connection was deleted since the provider was asked
   */
  async record(
    client: pg.ClientBase,
    result: ProviderResult,
  ): Promise<{ readonly id: string; readonly document: string }> {
    await this.parts.connections.hold(client, result.connection.id);
    const id = await this.write(client, result);
    return { id, document: await this.documentOf(id, false, client) };
  }

  private async write(
    client: pg.ClientBase,
    { connection, observation, auditEntry, labels }: ProviderResult,
  ): Promise<string> {
    const record = toRecord(observation, this.adapter(connection));
    await writeObservations(client, connection, [record], observation.observedAt);
    await this.parts.settleProfiles(client, observation.observedAt);
    const { provider_account_id: providerAccountId } = record;
    const account = { connectionId: connection.id, providerAccountId };
    const { coverage, observedAt } = observation;
    const checkedAt = coverage === 'list' || coverage === 'part' ? null : observedAt;
    const id = await this.parts.accounts.noteLook(client, account, labels, checkedAt);
    if (id === undefined) throw new Error('the account that was just written was not found');
    if (auditEntry) await this.audit(client, auditEntry, id);
    return id;
  }

  /**
   * What the provider shows after a change. The change is audited even if that cannot be recorded.
   * @throws Problem 409 `identity_changed` when it shows somebody else
   */
  private async shownAfter(
    meant: FoundAccount,
    auditEntry: AccountAuditEntry,
    look: () => Promise<Observation>,
  ): Promise<Observation> {
    try {
      const shown = await look();
      requireSameAfter(meant, shown);
      return shown;
    } catch (error) {
      await withTransaction(this.parts.database.pool, (client) =>
        this.audit(client, auditEntry, meant.id),
      );
      throw error;
    }
  }

  private async audit(
    client: pg.ClientBase,
    { caller, ...entry }: AccountAuditEntry,
    id: string,
  ): Promise<void> {
    await recordAudit(
      client,
      actorOf(caller),
      [{ ...entry, targetType: 'account', targetId: id }],
      this.parts.clock.now(),
    );
  }

  /**
   * @throws Problem 404 when the provider no longer holds the account, which is then disconnected
   * here too
   */
  private async lookUp(
    row: AccountRow,
    access: ProviderConnection,
    context: CallContext,
  ): Promise<Observation> {
    const askedAt = this.parts.clock.now();
    const observation = await this.parts.providers.lookUp(
      access,
      { id: row.provider_account_id, withDetail: true },
      context,
    );
    if (observation) return observation;
    await this.parts.accounts.vanish(row, askedAt, this.parts.settleProfiles);
    throw new Problem(
      'not_found',
      'The provider no longer has this account. Its status is now disconnected.',
      {
        account_id: row.id,
        fault: 'account',
      },
    );
  }

  /** @throws Problem 404 when it was deleted meanwhile, and the account with it */
  private async connectionOf(row: AccountRow): Promise<Connection> {
    const connection = await this.parts.connections.findById(row.connection_id);
    if (connection === null) throw notFound(`Account ${row.id}`);
    return connection;
  }

  private adapter({ provider }: Pick<Connection, 'provider'>): AnyAdapter {
    return this.parts.providers.adapters.require(provider);
  }

  private requireOperation(adapter: AnyAdapter, operation: OperationName): void {
    if (!adapter.operations[operation]) {
      throw new Problem(
        'operation_not_supported',
        `${adapter.name} has no API operation for this. GET /v1/providers/${adapter.id} lists its operations.`,
      );
    }
  }
}

/** What a provider showed of an account, and why it was asked: ready to be written down. */
export interface ProviderResult {
  readonly connection: Connection;
  readonly observation: Observation;
  /** What a caller did to the account. */
  readonly auditEntry?: AccountAuditEntry;
  /** What it is labelled from now on. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/** What a caller did to an account, for the audit log. */
type AccountAuditEntry = Pick<AuditEntry, 'action' | 'before' | 'after'> & {
  readonly caller: Caller;
};
