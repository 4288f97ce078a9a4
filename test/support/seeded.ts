import { PROVIDER_NAMES, startSandbox } from '../../sandbox/index.js';

/** How many accounts all sandbox providers together hold at their first start. */
export async function countSeeded(): Promise<number> {
  const sandbox = await startSandbox({ port: 0 });
  const counts = PROVIDER_NAMES.map((name) => sandbox.provider(name).counts().accounts);
  await sandbox.close();
  return counts.reduce((sum, count) => sum + count, 0);
}
