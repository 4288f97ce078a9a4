import type { Database } from '../database/index.js';
import type { ConnectFlow, Prisma } from '../database/prisma-client/client.js';

/** Used flows are kept for as long as a request may be sent again under its Idempotency-Key. */
const RETENTION_MS = 24 * 3_600_000;

/** Connect flows under way. */
export class ConnectFlowsRepository {
  constructor(private readonly database: Database) {}

  async create(
    prisma: Prisma.TransactionClient,
    data: Prisma.ConnectFlowUncheckedCreateInput,
  ): Promise<void> {
    await prisma.connectFlow.create({ data });
  }

  async deleteExpired(prisma: Prisma.TransactionClient, now: Date): Promise<void> {
    const before = new Date(now.getTime() - RETENTION_MS);
    await prisma.connectFlow.deleteMany({
      where: {
        expiresAt: { lt: now },
        OR: [{ usedBy: null }, { usedAt: { lt: before } }],
      },
    });
  }

  /**
   * Uses up a team's flow, or goes on with one that the same request has used before.
   * @param usedBy names the request; `undefined`: it cannot be sent again
   * @returns `null` when it is unknown, used by another request or expired
   */
  async use(
    teamId: string,
    stateHash: string,
    usedBy: string | undefined,
    now: Date,
  ): Promise<ConnectFlow | null> {
    const { connectFlow } = this.database.prisma;
    const { count } = await connectFlow.updateMany({
      where: { stateHash, teamId, usedAt: null, expiresAt: { gt: now } },
      data: { usedAt: now, usedBy: usedBy ?? null },
    });
    if (count === 0 && usedBy === undefined) return null;
    const ours = count === 0 ? { usedBy: usedBy ?? null, usedAt: { not: null } } : {};
    return connectFlow.findUnique({ where: { stateHash, teamId, ...ours } });
  }

  /** Has a flow be as good as it was before it was used. */
  async giveBack(stateHash: string): Promise<void> {
    await this.database.prisma.connectFlow.update({
      where: { stateHash },
      data: { usedAt: null, usedBy: null },
    });
  }

  /** Notes which account the provider connected. */
  async noteAccount(stateHash: string, providerAccountId: string): Promise<void> {
    await this.database.prisma.connectFlow.update({
      where: { stateHash },
      data: { providerAccountId },
    });
  }

  /**
   * Of these accounts those that other flows have connected: of any team, as one key may be that of
   * several connections.
   */
  async connectedByOthers(
    { platform, stateHash }: Pick<ConnectFlow, 'platform' | 'stateHash'>,
    providerAccountIds: readonly string[],
  ): Promise<ReadonlySet<string | null>> {
    const rows = await this.database.prisma.connectFlow.findMany({
      where: {
        platform,
        stateHash: { not: stateHash },
        providerAccountId: { in: [...providerAccountIds] },
      },
      select: { providerAccountId: true },
    });
    return new Set(rows.map(({ providerAccountId }) => providerAccountId));
  }
}
