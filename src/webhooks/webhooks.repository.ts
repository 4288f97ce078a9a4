import type pg from 'pg';
import type { Database, Transaction } from '../database/index.js';
import type { Prisma, Webhook } from '../database/prisma-client/client.js';
import { lockUntilEnd } from '../database/transact.js';
import type { Caller } from '../http/caller.js';
import type { Rows } from '../http/page.js';

/** A webhook's URL in clear, as an earlier version kept it. */
interface UnsealedUrl {
  readonly id: string;
  readonly url: string;
}

/** What sending to a webhook takes. */
export type WebhookToSend = Readonly<
  Pick<
    Webhook,
    | 'id'
    | 'teamId'
    | 'providers'
    | 'url'
    | 'sealedUrl'
    | 'secret'
    | 'formerSecret'
    | 'formerUntil'
    | 'failingSince'
  >
>;

/** SQL: the columns of a `WebhookToSend`, of the row `w`. */
export const TO_SEND = `w.id, w.team_id AS "teamId", w.providers, w.url, w.sealed_url AS "sealedUrl",
  w.secret, w.former_secret AS "formerSecret", w.former_until AS "formerUntil",
  w.failing_since AS "failingSince"`;

/** The rows of webhooks; their URLs are sealed. */
export class WebhooksRepository {
  constructor(private readonly database: Database) {}

  /** @param prisma within a transaction, to see what that has written */
  find(
    caller: Caller,
    id: string,
    prisma: Prisma.TransactionClient = this.database.prisma,
  ): Promise<Webhook | null> {
    return prisma.webhook.findFirst({ where: { id, ...visibleTo(caller) } });
  }

  /** The same, and nobody else changes it until the transaction ends. */
  async lock({ prisma, client }: Transaction, caller: Caller, id: string): Promise<Webhook | null> {
    await client.query('SELECT 1 FROM webhooks WHERE id = $1 AND team_id = $2 FOR NO KEY UPDATE', [
      id,
      caller.teamId,
    ]);
    return this.find(caller, id, prisma);
  }

  /** A webhook of any team that is not disabled. */
  async findEnabled(id: string): Promise<WebhookToSend | undefined> {
    const { rows } = await this.database.pool.query<WebhookToSend>({
      name: 'webhook-to-send',
      text: `SELECT ${TO_SEND} FROM webhooks w WHERE w.id = $1 AND w.disabled_at IS NULL`,
      values: [id],
    });
    return rows[0];
  }

  /** The webhooks that the caller may see, oldest first. */
  list(caller: Caller): Rows<Webhook> {
    const { webhook } = this.database.prisma;
    const where = visibleTo(caller);
    return {
      read: (beyondId, take) =>
        webhook.findMany({
          where: { ...where, id: { gt: beyondId ?? '' } },
          orderBy: { id: 'asc' },
          take,
        }),
      count: () => webhook.count({ where }),
    };
  }

  /**
   * How many a team has, for the one who is about to add one: others who are wait until the
   * transaction ends.
   */
  async countToAdd({ prisma, client }: Transaction, teamId: string): Promise<number> {
    await lockUntilEnd(client, `webhooks of ${teamId}`);
    return prisma.webhook.count({ where: { teamId } });
  }

  /** Where the release before begins with the deliveries of a webhook that is made now. */
  async oldestTransaction(client: pg.ClientBase): Promise<bigint> {
    const { rows } = await client.query<{ id: string }>(
      'SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS id',
    );
    return BigInt(rows[0]?.id ?? 0);
  }

  create(
    prisma: Prisma.TransactionClient,
    data: Prisma.WebhookUncheckedCreateInput,
  ): Promise<Webhook> {
    return prisma.webhook.create({ data });
  }

  update(
    prisma: Prisma.TransactionClient,
    id: string,
    data: Prisma.WebhookUncheckedUpdateInput,
  ): Promise<Webhook> {
    return prisma.webhook.update({ where: { id }, data });
  }

  /**
   * Disables the enabled webhooks of any team whose URL one of these keys gave.
   * @param client within a transaction
   */
  async disableSetBy(
    client: pg.ClientBase,
    keyIds: readonly string[],
    at: Date,
  ): Promise<readonly { readonly id: string; readonly teamId: string }[]> {
    const { rows } = await client.query<{ id: string; teamId: string }>(
      `UPDATE webhooks SET disabled_at = $2, disabled_reason = 'key_revoked', updated_at = $2
       WHERE url_set_by_id = ANY($1) AND disabled_at IS NULL RETURNING id, team_id AS "teamId"`,
      [keyIds, at],
    );
    return rows;
  }

  async delete(prisma: Prisma.TransactionClient, id: string): Promise<void> {
    await prisma.webhook.delete({ where: { id } });
  }

  /** Up to `limit` URLs that an earlier version left in clear. */
  async findUnsealed(limit: number): Promise<UnsealedUrl[]> {
    const { rows } = await this.database.pool.query<UnsealedUrl>(
      `SELECT id, url FROM webhooks WHERE url <> '' LIMIT $1`,
      [limit],
    );
    return rows;
  }

  /** Replaces URLs in clear text by sealed ones, except those that have changed in the meantime. */
  async sealUrls(
    urls: readonly (UnsealedUrl & { readonly sealedUrl: Uint8Array })[],
  ): Promise<void> {
    await this.database.pool.query(
      `UPDATE webhooks w SET url = '', sealed_url = s.sealed
       FROM unnest($1::text[], $2::text[], $3::bytea[]) AS s(id, url, sealed)
       WHERE w.id = s.id AND w.url = s.url`,
      [
        urls.map(({ id }) => id),
        urls.map(({ url }) => url),
        urls.map(({ sealedUrl }) => Buffer.from(sealedUrl)),
      ],
    );
  }
}

/**
 * A key that is limited to some providers sees the webhooks of its like: it must not redirect what
 * it may not read.
 */
function visibleTo({ teamId, key }: Caller) {
  return { teamId, ...(key.providers.length > 0 && { providers: { equals: [...key.providers] } }) };
}
