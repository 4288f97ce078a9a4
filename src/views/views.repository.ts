import type pg from 'pg';
import type { Database } from '../database/index.js';
import type { Prisma, SavedView } from '../database/prisma-client/client.js';
import { lockUntilEnd } from '../database/transact.js';
import type { Rows } from '../http/page.js';

/** The rows of saved views. */
export class ViewsRepository {
  constructor(private readonly database: Database) {}

  /** @param prisma within a transaction, to see what that has written */
  find(
    teamId: string,
    id: string,
    prisma: Prisma.TransactionClient = this.database.prisma,
  ): Promise<SavedView | null> {
    return prisma.savedView.findFirst({ where: { id, teamId } });
  }

  /** Oldest first. @param page of which; `undefined`: of all pages */
  list(teamId: string, page: string | undefined): Rows<SavedView> {
    const { savedView } = this.database.prisma;
    const where = { teamId, ...(page !== undefined && { page }) };
    return {
      read: (beyondId, take) =>
        savedView.findMany({
          where: { ...where, id: { gt: beyondId ?? '' } },
          orderBy: { id: 'asc' },
          take,
        }),
      count: () => savedView.count({ where }),
    };
  }

  /** Others who change views of the team wait until the transaction ends. */
  lock(client: pg.ClientBase, teamId: string): Promise<void> {
    return lockUntilEnd(client, `views of ${teamId}`);
  }

  count(prisma: Prisma.TransactionClient, teamId: string): Promise<number> {
    return prisma.savedView.count({ where: { teamId } });
  }

  /** Whether another view of that page has the name. */
  async isTaken(
    prisma: Prisma.TransactionClient,
    { id, teamId, page, name }: Pick<SavedView, 'id' | 'teamId' | 'page' | 'name'>,
  ): Promise<boolean> {
    const where = { teamId, page, name, id: { not: id } };
    return (await prisma.savedView.findFirst({ where, select: { id: true } })) !== null;
  }

  /** No view of that page but this one is its default from now on. */
  async takeDefault(
    prisma: Prisma.TransactionClient,
    { id, teamId, page }: Pick<SavedView, 'id' | 'teamId' | 'page'>,
    now: Date,
  ): Promise<void> {
    await prisma.savedView.updateMany({
      where: { teamId, page, isDefault: true, id: { not: id } },
      data: { isDefault: false, updatedAt: now },
    });
  }

  create(prisma: Prisma.TransactionClient, data: SavedView): Promise<SavedView> {
    return prisma.savedView.create({ data });
  }

  update(prisma: Prisma.TransactionClient, { id, ...data }: SavedView): Promise<SavedView> {
    return prisma.savedView.update({ where: { id }, data });
  }

  async delete(prisma: Prisma.TransactionClient, id: string): Promise<void> {
    await prisma.savedView.delete({ where: { id } });
  }
}
