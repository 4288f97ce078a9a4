import type pg from 'pg';
import type { Database } from '../database/index.js';
import { Parameters } from '../database/sql.js';
import { unlessTaken, withTransaction } from '../database/transact.js';
import { recordAccountEvents } from '../events/index.js';
import type { Caller } from '../http/caller.js';
import { type OrderDirection, readByKeyset, type Stretch } from '../http/keyset.js';
import { type ListRow, MAX_PAGE, type PageRequest, type PageRow } from '../http/page.js';
import type { Clock } from '../lib/clock.js';
import { withoutBlanks } from '../lib/json-text.js';
import { operationsOf, type Registry } from '../providers/index.js';
import { AccountDocuments, type VersionedId } from './account-documents.js';
import { type AccountFilter, filterConditions, ORDER, type OrderKey } from './account-filter.js';
import {
  ACCOUNT_HEALTH_DOCUMENT,
  accountDocument,
  DOCUMENT_VERSION,
  FROM_ACCOUNTS,
  LOOKED_AT,
} from './accounts.sql.js';
import { passLabelsOn } from './labels.repository.js';
import { pageCondition } from './page-condition.js';
import { type PageShape, statementName } from './statement-name.js';
import { type PlacedRow, WalkedPagesRepository } from './walked-pages.repository.js';

/**
 * Decides on the profiles of the accounts that a transaction has written so far.
 * @param client within that transaction
 */
export type SettleProfiles = (client: pg.ClientBase, at: Date) => Promise<unknown>;

/** What the services need to know of an account to act on it. */
export interface AccountRow {
  readonly id: string;
  readonly team_id: string;
  readonly connection_id: string;
  readonly provider: string;
  readonly provider_account_id: string;
  readonly platform: string;
  readonly platform_user_id: string | null;
  readonly username: string | null;
  readonly status: string;
  readonly connected_at: Date | null;
  readonly disconnect_id: string | null;
}

/** An account that a caller named, with how old what is known of it is. */
export interface FoundAccount extends AccountRow {
  /** When the last good look was; before any has ended, when the account was first seen. */
  readonly looked_at: Date;
}

/** The columns of `AccountRow`; `a` is the account. */
export const ACCOUNT_ROW =
  'a.id, a.team_id, a.connection_id, a.provider, a.provider_account_id, a.platform, a.platform_user_id, a.username, a.status, a.connected_at, a.disconnect_id';

/** What a page is of: whose accounts, which, in what order, and from where on. */
interface Question {
  readonly caller: Caller;
  readonly filter: AccountFilter;
  readonly order: OrderKey;
  readonly direction: OrderDirection;
  readonly page: PageRequest;
}

/** What accounts are counted by, in `account_counts`. */
const COUNTED = [
  'team_id',
  'connection_id',
  'provider',
  'platform',
  'status',
  'health_status',
  'health_reason',
];
const COUNTED_FILTERS: ReadonlySet<string> = new Set([
  'provider',
  'platform',
  'status',
  'health',
  'reason',
  'connection_id',
]);

/**
 * Whether the counts alone can answer: at a million accounts in the time it takes at a thousand.
 */
function isCounted(filter: AccountFilter): boolean {
  return Object.entries(filter).every(
    ([name, value]) => value === undefined || COUNTED_FILTERS.has(name),
  );
}

/** Who someone is on one platform. */
interface PlatformIdentity {
  readonly platform: string;
  readonly platformUserId: string;
}

/** With the values of `identityOf`. */
const OF_IDENTITY = `a.team_id = $1 AND a.platform = $2 AND a.platform_user_id = $3 AND a.status <> 'disconnected'
  AND (cardinality($4::text[]) = 0 OR a.provider = ANY($4))`;

function identityOf(
  { teamId, key }: Caller,
  { platform, platformUserId }: PlatformIdentity,
): unknown[] {
  return [teamId, platform, platformUserId, key.providers];
}

/** What a row is made into. */
interface Document {
  readonly name: PageShape['document'];
  /** SQL that makes its JSON text. */
  readonly sql: (parameters: Parameters) => string;
  /** Those that are known; absent: none are kept. */
  readonly known?: AccountDocuments;
}

type Built = { readonly document: string };

const pageRow = ({ id, value }: PlacedRow, document: string | Buffer): ListRow => ({
  document,
  isCompact: true,
  position: { value, id },
});

/** Whose accounts, and which of them. */
const whichOf = ({ caller, filter }: Question) => ({
  teamId: caller.teamId,
  visibleProviders: caller.key.providers,
  filter,
});

/** The name of the statement that reads a page. */
const nameOf = (question: Question, document: PageShape['document']) =>
  statementName({
    ...question,
    document,
    isRestricted: question.caller.key.providers.length > 0,
    isFirst: question.page.after === undefined,
  });

/**
 * Reads accounts. What it returns is JSON text or plain rows; what it is asked is always within one
 * team.
 */
export class AccountsRepository {
  private readonly operations: string;
  private readonly knownAccounts = new AccountDocuments();
  private readonly knownHealth = new AccountDocuments();
  private readonly walked: WalkedPagesRepository;

  constructor(
    private readonly database: Database,
    registry: Registry,
    clock: Clock,
  ) {
    this.walked = new WalkedPagesRepository(database, clock);
    this.operations = JSON.stringify(
      Object.fromEntries(registry.all().map((adapter) => [adapter.id, operationsOf(adapter)])),
    );
  }

  /** A page of whole accounts. */
  page(question: Question, withRemoteData: boolean): Promise<ListRow[]> {
    return this.readPage(question, {
      name: withRemoteData ? null : 'account',
      sql: (parameters) => accountDocument(parameters.add(this.operations), withRemoteData),
      ...(!withRemoteData && { known: this.knownAccounts }),
    });
  }

  /** A page of the health list. */
  healthPage(question: Question): Promise<ListRow[]> {
    return this.readPage(question, {
      name: 'health',
      sql: () => ACCOUNT_HEALTH_DOCUMENT,
      known: this.knownHealth,
    });
  }

  /** Each stretch walks its own part of an index. */
  private readPage(question: Question, document: Document): Promise<ListRow[]> {
    const { order, direction, page } = question;
    const keyset = { ...ORDER[order], idColumn: 'a.id', direction };
    return readByKeyset(keyset, page, (stretch) => this.readStretch(stretch, question, document));
  }

  private async readStretch(
    stretch: Stretch,
    question: Question,
    document: Document,
  ): Promise<ListRow[]> {
    // Exports read once what nobody polls.
    const known = stretch.limit > MAX_PAGE + 1 ? undefined : document.known;
    const { teamId } = question.caller;
    if (known?.isWorthwhile(teamId)) {
      const placed = await this.readPlaces(stretch, question);
      const documents = await this.documentsOf(teamId, placed, document, known);
      if (documents) return placed.map((row, index) => pageRow(row, documents[index] ?? ''));
    }
    const columns = (parameters: Parameters) =>
      `${DOCUMENT_VERSION} AS version, ${document.sql(parameters)} AS document`;
    const rows = await this.select<PlacedRow & Built>(stretch, question, document.name, columns);
    const documents = rows.map((row) => withoutBlanks(row.document));
    if (known) {
      known.find(teamId, rows);
      known.keep(rows, documents);
    }
    return rows.map((row, index) => pageRow(row, documents[index] ?? ''));
  }

  /** Which rows are on the page, and of which versions. */
  private async readPlaces(stretch: Stretch, question: Question): Promise<readonly PlacedRow[]> {
    const name = nameOf(question, 'version');
    const found = name && (await this.walked.find({ ...whichOf(question), stretch }, name));
    if (found) return found;
    const version = () => `${DOCUMENT_VERSION} AS version`;
    return this.select<PlacedRow>(stretch, question, 'version', version);
  }

  /** @param columns SQL: what is read besides the id and the place in the order */
  private async select<Row extends PlacedRow>(
    stretch: Stretch,
    question: Question,
    document: PageShape['document'],
    columns: (parameters: Parameters) => string,
  ): Promise<Row[]> {
    const parameters = new Parameters();
    const limit = parameters.add(stretch.limit);
    const where = pageCondition({
      ...{ ...whichOf(question), order: question.order, parameters, limit, sort: stretch.sort },
      stretch: stretch.conditions(parameters),
    });
    const text = `SELECT a.id, ${ORDER[question.order].column}::text AS value, ${columns(parameters)} FROM ${FROM_ACCOUNTS}
       WHERE ${where} ORDER BY ${stretch.sort} LIMIT ${limit}`;
    const name = nameOf(question, document);
    const { rows } = await this.database.pool.query<Row>({
      ...(name !== undefined && { name }),
      text,
      values: parameters.values,
    });
    return rows;
  }

  /**
   * The documents of rows, of which those are built that are not known.
   * @returns `undefined`: one was written meanwhile, and the page would not be of one moment
   */
  private async documentsOf(
    teamId: string,
    rows: readonly VersionedId[],
    document: Document,
    known: AccountDocuments,
  ): Promise<readonly Buffer[] | undefined> {
    const documents = known.find(teamId, rows);
    const unknown = rows.filter((_row, index) => documents[index] === undefined);
    if (unknown.length > 0) {
      const parameters = new Parameters();
      const ids = parameters.add(unknown.map(({ id }) => id));
      const { rows: built } = await this.database.pool.query<VersionedId & Built>({
        name: `${document.name}-documents`,
        text: `SELECT a.id, ${DOCUMENT_VERSION} AS version, ${document.sql(parameters)} AS document
               FROM ${FROM_ACCOUNTS} WHERE a.id = ANY(${ids})`,
        values: parameters.values,
      });
      known.keep(
        built,
        built.map((row) => withoutBlanks(row.document)),
      );
      for (const [index, row] of rows.entries()) documents[index] ??= known.of(row);
    }
    return documents.every((bytes) => bytes !== undefined) ? documents : undefined;
  }

  async count(caller: Caller, filter: AccountFilter): Promise<number> {
    return (await this.healthSummary(caller, filter)).total;
  }

  /** How many accounts of the whole filter have each health status. */
  async healthSummary(caller: Caller, filter: AccountFilter) {
    const parameters = new Parameters();
    const where = filterConditions(caller.teamId, caller.key.providers, filter, parameters);
    const [table, total] = isCounted(filter)
      ? ['account_counts', 'sum(a.delta)']
      : ['accounts', 'count(*)'];
    const { rows } = await this.database.pool.query<{ status: string; total: string }>(
      `SELECT a.health_status AS status, ${total} AS total FROM ${table} a WHERE ${where} GROUP BY 1`,
      parameters.values,
    );
    const of = (status: string) => Number(rows.find((row) => row.status === status)?.total ?? 0);
    const [healthy, warning, unhealthy, unknown] = [
      of('healthy'),
      of('warning'),
      of('unhealthy'),
      of('unknown'),
    ];
    return { total: healthy + warning + unhealthy + unknown, healthy, warning, unhealthy, unknown };
  }

  /** Sums up the counted changes, so that there are few to read. Replicas take turns. */
  async mergeCounts(): Promise<void> {
    await unlessTaken(this.database.pool, 'account counts', (client) =>
      client.query(
        `WITH merged AS (DELETE FROM account_counts RETURNING *)
         INSERT INTO account_counts (${COUNTED.join(', ')}, delta)
         SELECT ${COUNTED.join(', ')}, sum(delta) FROM merged GROUP BY ${COUNTED.join(', ')} HAVING sum(delta) <> 0`,
      ),
    );
  }

  /** The JSON text of one account. */
  async document(
    id: string,
    withRemoteData: boolean,
    client: pg.ClientBase | pg.Pool = this.database.pool,
  ): Promise<string | undefined> {
    const { rows } = await client.query<{ document: string }>({
      name: `account-document-${withRemoteData}`,
      text: `SELECT ${accountDocument('$2', withRemoteData)} AS document FROM ${FROM_ACCOUNTS} WHERE a.id = $1`,
      values: [id, this.operations],
    });
    return rows[0] && withoutBlanks(rows[0].document);
  }

  /** The accounts of the team on one platform identity, oldest first. */
  async pageOfIdentity(
    caller: Caller,
    identity: PlatformIdentity,
    { after, limit }: PageRequest,
  ): Promise<PageRow[]> {
    const { rows } = await this.database.pool.query<{ id: string; document: string }>(
      `SELECT a.id, ${accountDocument('$5', false)} AS document FROM ${FROM_ACCOUNTS}
       WHERE ${OF_IDENTITY} AND a.id > $6 ORDER BY a.id LIMIT $7`,
      [...identityOf(caller, identity), this.operations, after?.id ?? '', limit],
    );
    return rows.map(({ id, document }) => ({ document, position: { value: null, id } }));
  }

  async countOfIdentity(caller: Caller, identity: PlatformIdentity): Promise<number> {
    const { rows } = await this.database.pool.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM accounts a WHERE ${OF_IDENTITY}`,
      identityOf(caller, identity),
    );
    return rows[0]?.count ?? 0;
  }

  /**
   * Every account that `reference` could mean: by our id, by ref (`provider:provider_account_id`)
   * or by the provider's id alone. Our ids and refs are exact, so they leave the looser readings
   * out.
   */
  async findByReference(caller: Caller, reference: string): Promise<FoundAccount[]> {
    const colon = reference.indexOf(':');
    const { rows } = await this.database.pool.query<FoundAccount & { exactness: number }>({
      name: 'find-by-reference',
      text: `SELECT ${ACCOUNT_ROW}, COALESCE(${LOOKED_AT}, a.created_at) AS looked_at, CASE WHEN a.id = $2 THEN 0 WHEN a.provider = $3 AND a.provider_account_id = $4 THEN 1 ELSE 2 END AS exactness
             FROM ${FROM_ACCOUNTS}
             WHERE a.team_id = $1 AND (a.id = $2 OR (a.provider = $3 AND a.provider_account_id = $4) OR a.provider_account_id = $2)
               AND (cardinality($5::text[]) = 0 OR a.provider = ANY($5))`,
      values: [
        caller.teamId,
        reference,
        reference.slice(0, Math.max(colon, 0)),
        reference.slice(colon + 1),
        caller.key.providers,
      ],
    });
    const exactest = Math.min(...rows.map((row) => row.exactness));
    const readings = rows.filter((row) => row.exactness === exactest);
    const alive = readings.filter((row) => row.status !== 'disconnected');
    return alive.length > 0 ? alive : readings;
  }

  /** The account that one provider id names in one connection. */
  async findInConnection(
    connectionId: string,
    providerAccountId: string,
  ): Promise<AccountRow | undefined> {
    const { rows } = await this.database.pool.query<AccountRow>(
      `SELECT ${ACCOUNT_ROW} FROM accounts a WHERE a.connection_id = $1 AND a.provider_account_id = $2`,
      [connectionId, providerAccountId],
    );
    return rows[0];
  }

  /** The account of a handle in one connection. */
  async findByUsername(
    connectionId: string,
    platform: string,
    key: string,
  ): Promise<AccountRow | undefined> {
    const { rows } = await this.database.pool.query<AccountRow>(
      `SELECT ${ACCOUNT_ROW} FROM accounts a
       WHERE a.connection_id = $1 AND a.platform = $2 AND a.username_key = $3 AND a.status <> 'disconnected' LIMIT 1`,
      [connectionId, platform, key],
    );
    return rows[0];
  }

  /**
   * Notes that an account was looked at: content that has not changed is not written again.
   * @param client within the transaction of the look
   * @param labels `undefined`: as they are
   * @param at `null`: the look told nothing of its health
   * @returns its id; `undefined` when it is not there
   */
  async noteLook(
    client: pg.ClientBase,
    account: { readonly connectionId: string; readonly providerAccountId: string },
    labels: Readonly<Record<string, string>> | undefined,
    at: Date | null,
  ): Promise<string | undefined> {
    const { rows } = await client.query<{ id: string }>(
      `UPDATE accounts SET checked_at = GREATEST(checked_at, $3), labels = COALESCE($4, labels)
       WHERE connection_id = $1 AND provider_account_id = $2 RETURNING id`,
      [account.connectionId, account.providerAccountId, at, labels ?? null],
    );
    return rows[0]?.id;
  }

  /** How many labels the account would have after `changes`; a label of null is taken off. */
  async countLabels(id: string, changes: Readonly<Record<string, string | null>>): Promise<number> {
    const { rows } = await this.database.pool.query<{ total: number }>(
      `SELECT count(*)::int AS total FROM accounts a, jsonb_object_keys(jsonb_strip_nulls(a.labels || $2::jsonb)) WHERE a.id = $1`,
      [id, changes],
    );
    return rows[0]?.total ?? 0;
  }

  /**
   * Marks an account that the provider no longer has as disconnected, unless a disconnect is running.
   */
  async vanish({ id }: AccountRow, at: Date, settleProfiles: SettleProfiles): Promise<void> {
    await withTransaction(this.database.pool, async (client) => {
      const { rowCount } = await client.query(
        `UPDATE accounts SET status = 'disconnected', disconnect_cause = 'provider', disconnected_at = $2, updated_at = $2, content_hash = NULL
         WHERE id = $1 AND status NOT IN ('disconnecting', 'disconnected')`,
        [id, at],
      );
      if (rowCount === 0) return;
      await recordAccountEvents(client, [{ type: 'account.vanished', accountId: id }], at);
      await passLabelsOn(client, [id], at);
      await settleProfiles(client, at);
    });
  }
}
