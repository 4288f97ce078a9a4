/**
 * A process that lists a connection's accounts again and again, and so refreshes its credentials,
 * to be killed. Its one parameter is JSON: `RefreshChildSettings`. Prints a line for each list: `ok`,
 * or what it failed with.
 */
import { setTimeout } from 'node:timers/promises';
import { CredentialRefresh } from '../../src/connections/index.js';
import { SealedCredentials } from '../../src/connections/sealed-credentials.js';
import { type DatabaseConnection, openDatabase, ProcessLease } from '../../src/database/index.js';
import { systemClock as clock } from '../../src/lib/clock.js';
import { createSealer } from '../../src/lib/seal.js';
import { ProviderError } from '../../src/model/index.js';
import { createProviders } from '../../src/providers/index.js';
import { expiringAdapter } from './small-adapters.js';

export interface RefreshChildSettings {
  readonly database: DatabaseConnection;
  readonly secret: string;
  readonly connectionId: string;
}

const PAUSE_MS = 20;

const settings = JSON.parse(process.argv[2] ?? '') as RefreshChildSettings;
const database = openDatabase({ connection: settings.database, poolSize: 4 });
const lease = new ProcessLease(database);
const sealer = createSealer(settings.secret);
const sealed = new SealedCredentials(sealer);
const keeper = new CredentialRefresh({ database, lease, sealer, clock, lasts: () => false });
const policies = { readAttempts: 1, breakerConsecutive: 1_000, breakerShare: 2 };
const providers = createProviders({ clock, adapters: [expiringAdapter], keeper, policies });

for (;;) {
  process.stdout.write(`${await list()}\n`);
  await setTimeout(PAUSE_MS);
}

async function list(): Promise<string> {
  const where = { id: settings.connectionId };
  const row = await database.prisma.connection.findUniqueOrThrow({ where });
  const { id, provider, baseUrl, tokenExpiresAt, tokenRefreshAt } = row;
  const times = { tokenExpiresAt, tokenRefreshAt };
  const connection = { id, provider, baseUrl, credentials: sealed.open(row).current, ...times };
  try {
    await providers.list(connection, { cursor: null }, {});
    return 'ok';
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    return `${error.code}: ${error.message}`;
  }
}
