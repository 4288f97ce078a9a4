import { startSandbox } from '../../sandbox/index.js';
import { expect, it } from '../support/jest.js';
import { callerOf, type Item } from './caller.js';

it('holds a hundred thousand accounts in little memory and pages through them all', async () => {
  const before = process.memoryUsage().heapUsed;
  const sandbox = await startSandbox({ port: 0, accounts: 100_000 });
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(50_000_000);

  const outfame = callerOf(sandbox, 'outfame');
  const ids = new Set<unknown>();
  let cursor = '';
  let hasMore = true;
  for (let page = 0; hasMore && page < 501; page++) {
    const { json } = await outfame('GET', `/accounts?limit=100${cursor}`);
    for (const { id } of json.data as Item[]) ids.add(id);
    hasMore = json.has_more === true;
    cursor = `&cursor=${json.next_cursor}`;
  }
  expect([hasMore, ids.size]).toEqual([false, 50_012]);

  const creatoraudit = callerOf(sandbox, 'creatoraudit');
  const total = await creatoraudit('GET', '/accounts?limit=1&include_total=true');
  expect((total.json.pagination as Item).total_count).toBe(50_012);
  await sandbox.close();
});
