import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { SealedCredentials } from '../../src/connections/sealed-credentials.js';
import { type Database, openDatabase } from '../../src/database/index.js';
import { createSealer } from '../../src/lib/seal.js';
import { checkout } from '../support/checkout.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { SECRET } from '../support/gateway.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';
import type { RefreshChildSettings } from '../support/refresh-child.js';
import { bareItem } from '../support/small-adapters.js';
import { waitFor } from '../support/wait.js';
import { json, type SmallProvider, startSmallProvider } from './small-provider.js';

const KILLS = Number(process.env.REFRESH_KILLS ?? 4);
const MAX_MS = 60_000 + KILLS * 5_000;
const ID = 'conn_1';
/** So short that some process is always about to refresh. */
const LIFETIME_SECONDS = 0.4;
/** Between the spending of a token and the answer: when a kill loses it. */
const ANSWER_MS = 100;
const MAX_PAUSE_MS = 300;
const LOST = /^credential_rejected: The answer to the refresh token of this connection was lost/;

let testDatabase: TestDatabase;
let database: Database;
let provider: SmallProvider;
const sealed = new SealedCredentials(createSealer(SECRET));

/** Every token that was ever given out, the last of which is good, and how often others came. */
const given = ['refresh_0000000000000000'];
let reuses = 0;
/** Answers that are to come. */
let underWay = 0;
/** Of processes that live and that are gone. */
const said: string[] = [];
let children: ChildProcess[] = [];

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase({ connection: testDatabase.connection, poolSize: 2 });
  provider = await startSmallProvider();
  provider.answer(async (request, response) => {
    if (request.url !== '/v1/token') return json(200, [bareItem('a')])(request, response);
    const token = new URLSearchParams(provider.requests.at(-1)?.body).get('refresh_token') ?? '';
    if (token !== given.at(-1)) {
      reuses += Number(given.includes(token));
      return json(400, { error: 'invalid_grant' })(request, response);
    }
    const tokens = {
      access_token: `access_${String(given.length).padStart(16, '0')}`,
      refresh_token: `refresh_${String(given.length).padStart(16, '0')}`,
    };
    given.push(tokens.refresh_token);
    underWay += 1;
    response.on('close', () => {
      underWay -= 1;
    });
    await setTimeout(ANSWER_MS);
    json(200, { ...tokens, expires_in: LIFETIME_SECONDS })(request, response);
  });
  await database.prisma.team.create({ data: { id: 'team_1', name: 'one' } });
  const connection = { id: ID, teamId: 'team_1', provider: 'expiring', name: 'one' };
  const where = { baseUrl: provider.baseUrl, sweepIntervalSeconds: 300 };
  await database.prisma.connection.create({
    data: { ...connection, ...where, credentials: credentials() },
  });
});

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await provider?.close();
  await database?.close();
  await testDatabase?.drop();
});

/** What a person gives the connection: the token that is good now. */
function credentials() {
  const client = { client_id: 'client-1', client_secret: 'word_0123456789abcdef' };
  return sealed.seal({ ...client, refresh_token: given.at(-1) ?? '' }, ID);
}

function start(): ChildProcess {
  const settings: RefreshChildSettings = {
    database: testDatabase.connection,
    secret: SECRET,
    connectionId: ID,
  };
  const child = spawn(
    process.execPath,
    [join(checkout, 'dist', 'bundle', 'refresh-child.js'), JSON.stringify(settings)],
    { env: { ...process.env, NODE_OPTIONS: '' }, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said.push(...text.split('\n').filter((line) => line !== ''));
  });
  return child;
}

test(
  'two processes, killed at any time, never spend a refresh token twice',
  async () => {
    children = [start(), start()];
    await waitFor('refreshes by two that live', async () => given.length, {
      until: (tokens) => tokens > 3,
    });
    expect(said.filter((line) => line !== 'ok' && !line.startsWith('rate_limited'))).toEqual([]);
    for (let kills = 0; kills < KILLS; kills += 1) {
      // Every other one while an answer is under way, of whichever process it is.
      if (kills % 2 === 0)
        await waitFor('a refresh', async () => underWay + reuses, { until: Boolean });
      else await setTimeout(Math.random() * MAX_PAUSE_MS);
      children.splice(Math.random() < 0.5 ? 0 : 1, 1)[0]?.kill('SIGKILL');
      children.push(start());
      const before = said.length;
      const list = async () => {
        // The lease of the killed one would run out by itself, in a while.
        await database.pool.query(
          `DELETE FROM gateway_processes
           WHERE name NOT IN (SELECT application_name FROM pg_stat_activity)`,
        );
        return said.slice(before);
      };
      await waitFor('a process to list', list, {
        until: (lines) => reuses > 0 || lines.some((line) => line === 'ok' || LOST.test(line)),
      });
      expect(reuses).toBe(0);
      // Somebody gives new credentials where these are lost; nobody sends anything meanwhile.
      const times = { tokenExpiresAt: null, tokenRefreshAt: null, refreshLostAt: null };
      await database.prisma.connection.updateMany({
        where: { id: ID, refreshLostAt: { not: null } },
        data: { credentials: credentials(), refreshLeasedBy: null, ...times },
      });
    }
    for (const line of said)
      expect(line).toMatch(/^(ok$|rate_limited|credential_rejected: The answer)/);
  },
  MAX_MS,
);
