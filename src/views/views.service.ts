import { type AuditEntry, actorOf, recordAudit } from '../audit/index.js';
import type { Database, Transaction } from '../database/index.js';
import type { SavedView } from '../database/prisma-client/client.js';
import type { Caller } from '../http/caller.js';
import type { Rows } from '../http/page.js';
import { notFound, Problem } from '../http/problem.js';
import type { Clock } from '../lib/clock.js';
import { newId } from '../lib/ids.js';
import type { ViewsRepository } from './views.repository.js';
import type { ViewChange, ViewRequest } from './views.requests.js';
import { settingsOf } from './views.schema.js';

/** Views of one team. */
const MAX_VIEWS = 200;

/** A team's saved views: everyone in it sees the same ones. */
export class ViewsService {
  constructor(
    private readonly database: Database,
    private readonly views: ViewsRepository,
    private readonly clock: Clock,
  ) {}

  /** @throws Problem 409 where the page has a view of that name */
  async create(transaction: Transaction, caller: Caller, request: ViewRequest): Promise<SavedView> {
    const { prisma, client } = transaction;
    const { teamId } = caller;
    await this.views.lock(client, teamId);
    if ((await this.views.count(prisma, teamId)) >= MAX_VIEWS)
      throw new Problem('conflict', `The team already has ${MAX_VIEWS} views. Delete one first.`);
    const now = this.clock.now();
    const { is_default: isDefault, ...rest } = request;
    const view = { id: newId('view'), teamId, ...rest, isDefault, createdAt: now, updatedAt: now };
    await this.requireFree(transaction, view);
    if (isDefault) await this.views.takeDefault(prisma, view, now);
    await this.audit(transaction, caller, {
      action: 'view.created',
      targetId: view.id,
      after: request,
    });
    return this.views.create(prisma, view);
  }

  /** @throws Problem 404 */
  async get({ teamId }: Caller, id: string, transaction?: Transaction): Promise<SavedView> {
    const row = await this.views.find(teamId, id, transaction?.prisma);
    if (!row) throw notFound(`View ${id}`);
    return row;
  }

  list({ teamId }: Caller, page: string | undefined): Rows<SavedView> {
    return this.views.list(teamId, page);
  }

  /** @throws Problem 404, or 409 where the page has another view of that name */
  change(caller: Caller, id: string, change: ViewChange): Promise<SavedView> {
    return this.database.transaction(async (transaction) => {
      await this.views.lock(transaction.client, caller.teamId);
      const row = await this.get(caller, id, transaction);
      const before = settingsOf(row);
      const after = { ...before, ...change } as typeof before;
      const { is_default: isDefault, ...rest } = after;
      const view = { ...row, ...rest, isDefault, updatedAt: this.clock.now() };
      await this.requireFree(transaction, view);
      if (isDefault) await this.views.takeDefault(transaction.prisma, view, view.updatedAt);
      await this.audit(transaction, caller, {
        action: 'view.changed',
        targetId: id,
        before,
        after,
      });
      return this.views.update(transaction.prisma, view);
    });
  }

  /** @throws Problem 404 */
  async delete(caller: Caller, id: string): Promise<void> {
    await this.database.transaction(async (transaction) => {
      await this.views.lock(transaction.client, caller.teamId);
      const row = await this.get(caller, id, transaction);
      await this.views.delete(transaction.prisma, id);
      await this.audit(transaction, caller, {
        action: 'view.deleted',
        targetId: id,
        before: settingsOf(row),
      });
    });
  }

  private async requireFree({ prisma }: Transaction, view: SavedView): Promise<void> {
    if (await this.views.isTaken(prisma, view))
      throw new Problem('conflict', `The page already has a view named ${view.name}.`);
  }

  private audit(
    { client }: Transaction,
    caller: Caller,
    entry: Omit<AuditEntry, 'targetType'>,
  ): Promise<void> {
    const entries = [{ ...entry, targetType: 'view' } as const];
    return recordAudit(client, actorOf(caller), entries, this.clock.now());
  }
}
