import { once } from 'node:events';
import { createServer as createHttpServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { type ApiDocument, describeApi } from '../../src/api/openapi/document.js';
import { type Database, openDatabase } from '../../src/database/index.js';
import { ProcessLease } from '../../src/database/process-lease.js';
import { Idempotency } from '../../src/http/idempotency.js';
import { Load } from '../../src/http/load.js';
import { createMetrics } from '../../src/http/metrics.js';
import { RateLimiter } from '../../src/http/rate-limit.js';
import { Reads } from '../../src/http/reads.js';
import { action, deprecated, endpoint, get, post } from '../../src/http/route.js';
import { createServer } from '../../src/http/server.js';
import { systemClock } from '../../src/lib/clock.js';
import { silentLogger } from '../../src/lib/logger.js';
import { createSealer } from '../../src/lib/seal.js';
import { UNTRACED } from '../../src/lib/tracing.js';
import { KeysRepository } from '../../src/teams/keys.repository.js';
import { TeamsRepository } from '../../src/teams/teams.repository.js';
import { TeamsService } from '../../src/teams/teams.service.js';
import { type Client, clientOf } from '../support/client.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { describedOperations } from '../support/described.js';
import { SECRET } from '../support/gateway.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';

const greets = { summary: 'Greets', answers: { 200: z.object({ hello: z.string() }) } };
const greeting = async () => ({ status: 200, body: { hello: 'you' } });
const greetings = {
  old: endpoint({ ...greets, handle: greeting }),
  oldPost: action({ ...greets, handle: (call) => call.commit(greeting) }),
  current: endpoint({ ...greets, handle: greeting }),
};
const table = [
  deprecated(get('/v1/old', 'read', greetings.old), '2026-06-01', '2027-06-01'),
  deprecated(post('/v1/old', 'write', greetings.oldPost), '2026-06-01', '2027-06-01'),
  get('/v1/current', 'read', greetings.current),
];
const document: ApiDocument = describeApi(table, { greetings }, { greetings: 'Greets.' });

let testDatabase: TestDatabase;
let database: Database;
let server: Server;
let rateLimiter: RateLimiter;
let client: Client;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase({ connection: testDatabase.connection, poolSize: 2 });
  const teams = new TeamsService(
    database,
    new TeamsRepository(database),
    new KeysRepository(database, []),
    systemClock,
  );
  rateLimiter = new RateLimiter(database, systemClock, silentLogger);
  const lease = new ProcessLease(database);
  const metrics = createMetrics();
  const application = createServer(table, {
    ...{
      authenticator: {
        lastSeen: ({ authorization }) => teams.lastSeen(authorization),
        authenticate: ({ authorization }) => teams.authenticate(authorization),
        actingFor: (...asked) => teams.actingFor(...asked),
      },
      keyWatch: { watch: (_who, left) => left },
      pages: {},
      rateLimiter,
      load: new Load(database, { loopDelayMs: Number.POSITIVE_INFINITY }),
      logger: silentLogger,
      metrics,
      reads: new Reads(database, createSealer(SECRET), metrics),
      tracing: UNTRACED,
      trustProxy: false,
      release: () => '1',
    },
    database,
    lease,
    idempotency: new Idempotency(database, lease, createSealer(SECRET), systemClock),
  });
  server = createHttpServer(application).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  client = clientOf(url, await teams.prepare(undefined), document);
});
afterAll(async () => {
  server.close();
  server.closeAllConnections();
  rateLimiter.stop();
  await database.close();
  await testDatabase.drop();
});

const told = ({ headers }: { headers: Headers }) => [
  headers.get('deprecation'),
  headers.get('sunset'),
];

test('a deprecated route says so on every answer, good, unchanged or bad', async () => {
  const answers = [
    await client.get('/v1/old'),
    await client.get('/v1/old', { 'If-None-Match': '*' }),
    await client.get('/v1/old?unknown=1'),
    await client.get('/v1/old', { Authorization: 'Bearer nobody' }),
    await client.post('/v1/old'),
  ];
  expect(answers.map(({ status }) => status)).toEqual([200, 304, 422, 401, 200]);
  for (const answer of answers)
    expect(told(answer)).toEqual(['@1780272000', 'Tue, 01 Jun 2027 00:00:00 GMT']);
});

test('others do not, whatever they answer', async () => {
  for (const path of ['/v1/current', '/v1/current?unknown=1', '/v1/nothing'])
    expect(told(await client.get(path))).toEqual([null, null]);
});

test('the document marks it, and describes the headers of all its answers', () => {
  const [old, oldPost, current] = describedOperations(document).all.map(
    ({ description }) => description,
  );
  expect([old.deprecated, oldPost.deprecated, current.deprecated]).toEqual([true, true, undefined]);
  expect(old.responses[200].headers).toMatchObject({
    Deprecation: { $ref: '#/components/headers/Deprecation' },
    Sunset: {},
  });
  expect(current.responses[200].headers).not.toHaveProperty('Deprecation');
  expect(old.responses[401]).not.toEqual(current.responses[401]);
});

test('a sunset is a date, after the deprecation', () => {
  const route = get('/v1/current', 'read', greetings.current);
  for (const sunset of ['2026-06-01', '2026-05-31', 'soon'])
    expect(() => deprecated(route, '2026-06-01', sunset)).toThrow('/v1/current');
});
