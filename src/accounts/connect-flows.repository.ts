import type { Database } from '../database/index.js';
import type { ConnectFlow, Prisma } from '../database/prisma-client/client.js';

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
    await prisma.connectFlow.deleteMany({ where: { expiresAt: { lt: now } } });
  }

  /** Uses up a team's flow. @returns `null` when it is unknown, used or expired */
  async use(teamId: string, stateHash: string, now: Date): Promise<ConnectFlow | null> {
    const { connectFlow } = this.database.prisma;
    const { count } = await connectFlow.updateMany({
      where: { stateHash, teamId, usedAt: null, expiresAt: { gt: now } },
      data: { usedAt: now },
    });
    return count === 0 ? null : connectFlow.findUniqueOrThrow({ where: { stateHash } });
  }
}
