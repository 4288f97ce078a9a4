import express from 'express';
import { openDatabase, startEmbedded } from '../src/database/index.js';
import { DEFAULT_TEAM_ID } from '../src/teams/teams.service.js';

/**
 * What the reading bench compares with: Express and Prisma's `findMany` of the same 50 rows, with
 * no key, filter, cursor or ETag.
 */
const [dataDir = '', port = ''] = process.argv.slice(2);
const embedded = await startEmbedded({ dataDir, onProgress: () => undefined });
const { prisma } = openDatabase({ connection: embedded.connection, poolSize: 20 });
const app = express();
app.get('/accounts', async (_request, response) => {
  const rows = await prisma.account.findMany({
    where: { teamId: DEFAULT_TEAM_ID },
    take: 50,
    orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
  });
  response.json({ data: rows.map((row) => ({ ...row, ...counts(row) })) });
});
app.listen(Number(port), '127.0.0.1');

/** JSON has no BigInt. */
function counts(row: Record<string, unknown>) {
  return Object.fromEntries(
    Object.entries(row).flatMap(([name, value]) =>
      typeof value === 'bigint' ? [[name, Number(value)]] : [],
    ),
  );
}
