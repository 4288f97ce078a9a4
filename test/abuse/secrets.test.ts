import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import pg from 'pg';
import { Webhook } from 'standardwebhooks';
import { type Sandbox, startSandbox } from '../../sandbox/index.js';
import type { App } from '../../src/app.js';
import { rotateSecret } from '../../src/cli/rotate-secret.js';
import { verifyReceipt } from '../../src/cli/verify-receipt.js';
import { openDatabase } from '../../src/database/index.js';
import { createListener } from '../../src/http/listener.js';
import { systemClock } from '../../src/lib/clock.js';
import { silentLogger } from '../../src/lib/logger.js';
import { createSigner, isSignedWith } from '../../src/lib/signature.js';
import { StartError } from '../../src/lib/start-error.js';
import { WebhookAddresses } from '../../src/webhooks/webhook-address.js';
import { apiDocument, openApi } from '../support/api-document.js';
import { createApp } from '../support/app.js';
import { type Client, clientOf } from '../support/client.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { makeFolder, removeFolder } from '../support/folder.js';
import { BRISK } from '../support/gateway.js';
import { ROOT_KEY } from '../support/gateway-process.js';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '../support/jest.js';
import { type Receiver, startReceiver } from '../support/receiver.js';
import { waitFor } from '../support/wait.js';
import { formerOpen, formerSeal } from './former-seal.js';

const [FIRST, SECOND, THIRD, FOREIGN] = [1, 2, 3, 4].map((byte) =>
  Buffer.alloc(32, byte).toString('base64'),
) as [string, string, string, string];

interface Running {
  readonly app: App;
  readonly root: Client;
  stop(): Promise<void>;
}

let testDatabase: TestDatabase;
let pool: pg.Pool;
let sandbox: Sandbox;
let receiver: Receiver;
const running: Running[] = [];
/** What the first gateway made, to be used by all that follow. */
let made: { connection: string; webhook: string; webhookSecret: string; answer: unknown };
let receipt: { receipt: object; signature: { key_id: string; value: string } };
const KEY_REQUEST = { name: 'kept', scopes: ['read'] };
const ONCE = { 'Idempotency-Key': 'kept-over-rotations' };

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  pool = new pg.Pool({ ...testDatabase.connection, max: 2 });
  // A session that is being closed may hear of the end of its database.
  pool.on('error', () => undefined);
  sandbox = await startSandbox({ port: 0, accounts: 0 });
  receiver = await startReceiver();
});
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop();
});
afterAll(async () => {
  receiver?.stop();
  await sandbox?.close();
  await pool?.end();
  await testDatabase?.drop();
});

/** A gateway over the database, as a process with these secrets would be. */
async function start(secret: string, ...previousSecrets: string[]): Promise<Running> {
  const database = openDatabase({ connection: testDatabase.gateway, poolSize: 6 });
  let app: App;
  try {
    app = await createApp({
      database,
      clock: systemClock,
      logger: silentLogger,
      secret,
      previousSecrets,
      sweepIntervalSeconds: 3600,
      openApi,
      policies: BRISK,
      load: { loopDelayMs: Number.POSITIVE_INFINITY },
      webhookAddresses: new WebhookAddresses(true),
    });
  } catch (error) {
    await database.close();
    throw error;
  }
  await app.teams.prepare(ROOT_KEY);
  const server = createListener(app.http).listen(0, '127.0.0.1');
  await once(server, 'listening');
  await app.work();
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const gateway: Running = {
    app,
    root: clientOf(url, ROOT_KEY, apiDocument),
    stop: async () => {
      server.close();
      server.closeAllConnections();
      await app.stop();
      await database.close();
    },
  };
  running.push(gateway);
  return gateway;
}

async function stop(gateway: Running): Promise<void> {
  running.splice(running.indexOf(gateway), 1);
  await gateway.stop();
}

/** The message that a start ends with. */
async function refusal(secret: string, ...previous: string[]): Promise<string> {
  const error = await start(secret, ...previous).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(StartError);
  const { message } = error as StartError;
  expect(message).toMatch(/^ROLLCALL_SECRET: [^\n]+$/);
  for (const one of [secret, ...previous]) expect(message).not.toContain(one);
  return message;
}

function rotate(secret: string, ...previousSecrets: string[]) {
  const { host = '', user, database } = testDatabase.gateway;
  const databaseUrl = `postgresql://${user}@localhost/${database}?host=${encodeURIComponent(host)}`;
  return rotateSecret({
    databaseUrl,
    migrateUrl: undefined,
    dataDir: '',
    secret,
    previousSecrets,
  });
}

/** Everything sealed is used: credentials, a webhook's URL and secret, a replayed answer. */
async function expectAllInUse({ root }: Running): Promise<void> {
  const sent = receiver.received.length;
  expect((await root.post(`/v1/webhooks/${made.webhook}/test`)).body.data.state).toBe('succeeded');
  const last = receiver.received[sent];
  const webhook = new Webhook(made.webhookSecret);
  expect(() => webhook.verify(last?.body ?? '', last?.headers ?? {})).not.toThrow();
  expect(last?.path).toBe('/hook?token=t0ken');
  const { data } = (await root.get(`/v1/accounts?limit=1&connection_id=${made.connection}`)).body;
  expect((await root.post(`/v1/accounts/${data[0].id}/probe`)).status).toBe(200);
  const replay = await root.post('/v1/keys', KEY_REQUEST, ONCE);
  expect(replay.headers.get('Idempotency-Replayed')).toBe('true');
  expect(replay.body).toStrictEqual(made.answer);
}

interface Sealed {
  readonly place: string;
  readonly sealed: Buffer;
  readonly bound_to: string;
}

/** Every sealed value in the tables that had some before secrets were written down. */
async function allSealed(): Promise<Sealed[]> {
  const { rows } = await pool.query<Sealed>(`
    SELECT 'connections.credentials' AS place, credentials AS sealed, id AS bound_to FROM connections
    UNION ALL SELECT 'webhooks.secret', secret, id FROM webhooks
    UNION ALL SELECT 'webhooks.former_secret', former_secret, id FROM webhooks
      WHERE former_secret IS NOT NULL
    UNION ALL SELECT 'webhooks.sealed_url', sealed_url, id || ' url' FROM webhooks
    UNION ALL SELECT 'idempotency_keys.answer', answer,
      concat_ws(E'\\n', 'idempotency', team_id, key_id, key) FROM idempotency_keys
      WHERE answer IS NOT NULL`);
  return rows;
}

const opens = (secret: string) => (one: Sealed) => {
  try {
    formerOpen(secret, one.sealed, one.bound_to);
    return true;
  } catch {
    return false;
  }
};

describe("ROLLCALL_SECRET over the database's life", () => {
  test('what release 0.1 has sealed goes on being readable, and it can read what this one seals', async () => {
    const first = await start(FIRST);
    const connection = await first.root.post('/v1/connections', {
      provider: 'outfame',
      credentials: { api_key: sandbox.apiKey('outfame') },
      base_url: sandbox.baseUrl('outfame'),
    });
    const webhook = await first.root.post('/v1/webhooks', {
      url: `${receiver.url}/hook?token=t0ken`,
      types: ['connection.created'],
    });
    const rotated = await first.root.post(`/v1/webhooks/${webhook.body.data.id}/rotate`);
    const key = await first.root.post('/v1/keys', KEY_REQUEST, ONCE);
    made = {
      connection: connection.body.data.id,
      webhook: webhook.body.data.id,
      webhookSecret: rotated.body.data.secret,
      answer: key.body,
    };
    const path = `/v1/accounts?limit=1&connection_id=${made.connection}`;
    await waitFor('the first sweep to list accounts', () => first.root.get(path), {
      until: ({ body }) => body.data.length > 0,
    });
    const gone = await first.root.delete(
      `/v1/accounts/${(await first.root.get(path)).body.data[0].id}`,
    );
    receipt = (await first.root.get(`/v1/disconnects/${gone.body.data.id}/receipt`)).body.data;
    await stop(first);

    const sealed = await allSealed();
    expect(new Set(sealed.map(({ place }) => place)).size).toBe(5);
    expect(sealed.filter((one) => !opens(FIRST)(one))).toStrictEqual([]);

    await leaveAsFormerRelease(FIRST);
    await expectAllInUse(await start(FIRST));
  });

  test('a wrong secret stops the start with one line', async () => {
    expect(await refusal(SECOND)).toMatch(
      /holds values encrypted with another secret \(key [0-9a-f]{8}\)/,
    );
    await leaveAsFormerRelease(FIRST);
    expect(await refusal(SECOND)).toMatch(/decrypts nothing in this database/);
    expect(await refusal(SECOND, THIRD)).toMatch(/decrypts nothing/);
    await stop(await start(FIRST));
  });

  test('a new secret is not put to use while a running gateway could not open what it seals', async () => {
    await start(FIRST);
    expect(await refusal(SECOND, FIRST)).toMatch(/1 running gateways cannot decrypt/);
    expect((await rotate(SECOND, FIRST)).lines[0]).toMatch(/1 running gateways cannot decrypt/);
    // Release 0.1 tells nothing of its secrets: it has the one that the database is used with.
    const former = new pg.Client({
      ...testDatabase.connection,
      application_name: `rollcall ${randomUUID()}`,
    });
    await former.connect();
    for (const one of running.splice(0)) await one.stop();
    expect(await refusal(SECOND, FIRST)).toMatch(/1 running gateways cannot decrypt/);
    await stop(await start(FIRST));
    await former.end();
  });

  test('it is replaced while gateways run: one after the other, then everything is sealed anew', async () => {
    const before = await start(FIRST, SECOND);
    const cursor = (await before.root.get('/v1/events?limit=1')).body.pagination.next_cursor;
    const after = await start(SECOND, FIRST);
    await expectAllInUse(before);
    await expectAllInUse(after);

    const early = await rotate(SECOND, FIRST);
    expect(early).toMatchObject({
      exitCode: 1,
      lines: [expect.stringMatching(/^Nothing was done: 1 /)],
    });
    expect((await allSealed()).some(opens(FIRST))).toBe(true);
    await stop(before);

    let isDone = false;
    const load = (async () => {
      for (let turn = 0; !isDone; turn += 1) {
        const body = { name: `turn-${turn}`, scopes: ['read'] };
        const added = await after.root.post('/v1/keys', body, {
          'Idempotency-Key': `turn-${turn}`,
        });
        expect(added.status).toBe(201);
        expect(
          (await after.root.patch(`/v1/webhooks/${made.webhook}`, { description: `${turn}` }))
            .status,
        ).toBe(200);
      }
    })();
    const done = await rotate(SECOND, FIRST);
    isDone = true;
    await load;
    expect(done).toMatchObject({
      exitCode: 0,
      lines: [expect.stringMatching(/^Encrypted \d+ values again. .+ no longer needed\.$/)],
    });
    expect((await allSealed()).filter((one) => !opens(SECOND)(one))).toStrictEqual([]);
    expect((await after.root.get(`/v1/events?limit=1&after=${cursor}`)).status).toBe(200);
    await stop(after);

    expect(await refusal(FIRST, SECOND)).toMatch(/this secret was replaced on \d{4}-/);
    expect(await refusal(FIRST)).toMatch(/holds values encrypted with another secret/);
    await expectAllInUse(await start(SECOND));
  });

  test('receipts of former secrets still verify, but none that is dated after their time', async () => {
    const { root } = await start(SECOND);
    const { keys } = (await root.get('/.well-known/rollcall.json')).body;
    expect(keys).toHaveLength(2);
    const former = keys.find(({ kid }: { kid: string }) => kid === receipt.signature.key_id);
    expect(former).toMatchObject({ valid_from: null, valid_until: expect.stringMatching(/Z$/) });
    expect(isSignedWith(receipt.receipt, receipt.signature.value, former)).toBe(true);
    expect(keys.at(-1)).toMatchObject({
      valid_from: former && expect.any(String),
      valid_until: null,
    });

    const folder = await makeFolder();
    const write = async (name: string, value: unknown) => {
      await writeFile(join(folder, name), JSON.stringify(value));
      return join(folder, name);
    };
    const known = await write('keys.json', { service: 'rollcall', keys });
    const kept = await write('kept.json', receipt);
    expect(await verifyReceipt([kept, known])).toMatchObject({ exitCode: 0 });
    const late = { ...receipt.receipt, finished_at: new Date(Date.now() + 1_000).toISOString() };
    const forged = { receipt: late, signature: createSigner(FIRST).sign(late) };
    expect(await verifyReceipt([await write('forged.json', forged), known])).toMatchObject({
      exitCode: 1,
      lines: [expect.stringMatching(/finished after .+ was replaced/)],
    });
    await removeFolder(folder);
  });

  test('a key of receipts cannot be added by whoever can write to the database alone', async () => {
    const { root } = await start(SECOND);
    const known = (await root.get('/.well-known/rollcall.json')).body.keys.length;
    const sealed = formerSeal(
      FOREIGN,
      JSON.stringify(createSigner(FOREIGN).publicKey),
      'secret 00000000',
    );
    await pool.query(`INSERT INTO secret_keys (id, receipt_key) VALUES ('00000000', $1)`, [sealed]);
    expect((await root.get('/.well-known/rollcall.json')).body.keys).toHaveLength(known);
    await pool.query(`DELETE FROM secret_keys WHERE id = '00000000'`);
  });

  test('a rotation that is cut short goes on where it was', async () => {
    await pool.query('ALTER TABLE idempotency_keys RENAME TO away');
    await expect(rotate(THIRD, SECOND)).resolves.toMatchObject({ exitCode: 1 });
    await pool.query('ALTER TABLE away RENAME TO idempotency_keys');
    const half = await allSealed();
    expect(half.some(opens(THIRD)) && half.some(opens(SECOND))).toBe(true);
    expect(await refusal(THIRD)).toMatch(/holds values encrypted with another secret/);
    await expectAllInUse(await start(THIRD, SECOND));

    const { lines } = await rotate(THIRD, SECOND);
    expect(lines).toHaveLength(1);
    expect((await allSealed()).filter((one) => !opens(THIRD)(one))).toStrictEqual([]);
    const { root } = await start(THIRD);
    expect((await root.get('/.well-known/rollcall.json')).body.keys).toHaveLength(3);
  });

  test('a gateway that lacks a secret in use is not ready', async () => {
    const { app, root } = await start(THIRD);
    expect((await root.get('/readyz')).status).toBe(200);
    const canary = formerSeal(FOREIGN, '', 'secret 0badcafe');
    await pool.query(`INSERT INTO secret_keys (id, canary) VALUES ('0badcafe', $1)`, [canary]);
    expect(await app.recurringJobs.runNamed('secrets.check')).toBe(true);
    expect(await root.get('/readyz')).toMatchObject({
      status: 503,
      body: { output: expect.stringContaining('secret: another gateway encrypts with a secret') },
    });
    await pool.query(`DELETE FROM secret_keys WHERE id = '0badcafe'`);
    await app.recurringJobs.runNamed('secrets.check');
    expect((await root.get('/readyz')).status).toBe(200);
  });
});

/** The database as release 0.1 leaves it: sealed its way, without a word of secrets. */
async function leaveAsFormerRelease(secret: string): Promise<void> {
  const reseal = async (table: string, column: string, boundTo: string, id = 'id') => {
    const { rows } = await pool.query<{ id: string; sealed: Buffer; bound: string }>(
      `SELECT ${id} AS id, ${column} AS sealed, ${boundTo} AS bound FROM ${table}
       WHERE ${column} IS NOT NULL`,
    );
    for (const row of rows) {
      const text = formerOpen(secret, row.sealed, row.bound);
      await pool.query(`UPDATE ${table} SET ${column} = $2 WHERE ${id} = $1`, [
        row.id,
        formerSeal(secret, text, row.bound),
      ]);
    }
  };
  await reseal('connections', 'credentials', 'id');
  await reseal('webhooks', 'secret', 'id');
  await reseal('webhooks', 'former_secret', 'id');
  await reseal('webhooks', 'sealed_url', `id || ' url'`);
  const answerOf = `concat_ws(E'\\n', 'idempotency', team_id, key_id, key)`;
  await reseal('idempotency_keys', 'answer', answerOf, 'key');
  await pool.query('DELETE FROM secret_keys');
}
