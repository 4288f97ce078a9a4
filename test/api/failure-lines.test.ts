import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import type { LogFields, Logger } from '../../src/lib/logger.js';
import { checkout } from '../support/checkout.js';
import type { Reply } from '../support/client.js';
import { BRISK, type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, beforeEach, expect, test } from '../support/jest.js';
import { openSocket } from '../support/raw-socket.js';
import { waitFor } from '../support/wait.js';

/** What stands in the log of an answer of 500 and above. */

const lines: { readonly level: string; readonly message: string; readonly fields: LogFields }[] =
  [];
const at =
  (level: string) =>
  (message: string, fields: LogFields = {}) => {
    lines.push({ level, message, fields });
  };
const logger: Logger = {
  error: at('error'),
  warn: at('warn'),
  info: at('info'),
  debug: at('debug'),
};

let gateway: Gateway;
let account: string;
beforeAll(async () => {
  gateway = await startGateway({ logger, policies: { ...BRISK, writeDeadlineMs: 300 } });
  await gateway.connect('outfame');
  account = (await gateway.root.get('/v1/accounts?status=active&limit=1')).body.data[0].id;
});
afterAll(() => gateway.stop());
beforeEach(() => outfame().faults.clear());

const outfame = () => gateway.sandbox.provider('outfame');

/** The line of an answer, which is written when the answer is out. */
async function lineOf(reply: Reply): Promise<LogFields> {
  const id = reply.headers.get('x-request-id');
  const { level, fields } = await waitFor(`the line of ${id}`, () =>
    lines.find(({ message, fields }) => message === 'request' && fields.request_id === id),
  );
  expect([level, fields.status]).toEqual([reply.status >= 500 ? 'warn' : 'info', reply.status]);
  return fields;
}

/** Does it while a statement of the owner holds, which another one undoes. */
async function during(
  broken: string,
  mended: string,
  ask: () => Promise<Reply>,
): Promise<LogFields> {
  await gateway.asOwner(broken);
  try {
    return await lineOf(await ask());
  } finally {
    await gateway.asOwner(mended);
  }
}

const create = (username: string) =>
  gateway.root.post('/v1/accounts', { provider: 'outfame', platform: 'instagram', username });

test.each([
  [{ kind: 'server_error' }, 502, { cause: 'server_error', provider_status: 500 }],
  [{ kind: 'html' }, 502, { cause: 'server_error', provider_status: 502 }],
  [{ kind: 'lost_answer' }, 502, { cause: 'network', inner_code: 'UND_ERR_SOCKET' }],
  [{ kind: 'hang' }, 504, { cause: 'timeout' }],
  [{ kind: 'forbidden' }, 502, { cause: 'permission_denied', provider_status: 403 }],
] as const)('a provider that is %j', async (fault, status, expected) => {
  outfame().faults.add({ ...fault, method: 'POST', path: '/accounts' });
  const reply = await create(`fails${status}${fault.kind}`);
  expect(reply.status).toBe(status);
  expect(await lineOf(reply)).toMatchObject({
    ...{ error_class: 'ProviderError', provider: 'outfame', code: reply.body.code },
    ...expected,
  });
});

test('a table that is not there, and one that may not be read', async () => {
  const list = () => gateway.root.get('/v1/webhooks');
  const gone = await during(
    'ALTER TABLE webhooks RENAME TO elsewhere',
    'ALTER TABLE elsewhere RENAME TO webhooks',
    list,
  );
  expect(gone).toMatchObject({ status: 500, code: 'internal_error', cause: '42P01' });
  const one = () => gateway.root.get(`/v1/accounts/${account}`);
  const hidden = await during(
    'ALTER TABLE accounts RENAME username TO elsewhere',
    'ALTER TABLE accounts RENAME elsewhere TO username',
    one,
  );
  expect(hidden).toMatchObject({ error_class: 'DatabaseError', cause: '42703' });
});

test('a session that the server ends', async () => {
  const { pool } = gateway.database;
  await gateway.asOwner(`
    CREATE FUNCTION ends_session() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'of acme-secret' USING ERRCODE = '57P01'; END $$;
    CREATE TRIGGER ends_session BEFORE INSERT ON webhooks EXECUTE FUNCTION ends_session()`);
  const reply = await gateway.root.post('/v1/webhooks', {
    url: 'http://127.0.0.1:9/acme-secret',
    types: ['connection.created'],
  });
  await gateway.asOwner('DROP FUNCTION ends_session CASCADE');
  expect([reply.status, reply.headers.get('retry-after')]).toEqual([503, '5']);
  expect(await lineOf(reply)).toMatchObject({ code: 'service_unavailable', cause: '57P01' });
  expect((await pool.query('SELECT 1')).rowCount).toBe(1);
});

test('a caller that is gone before its body is read is no error of ours', async () => {
  const { client } = await gateway.newTeam('leaves');
  const written = lines.length;
  const owner = new pg.Client(gateway.owner);
  await owner.connect();
  // Who asks is looked up before the body is read.
  await owner.query('BEGIN; LOCK TABLE api_keys');
  const { socket, ended } = await openSocket(gateway.url);
  const before = await gateway.connections();
  socket.write(
    `POST /v1/keys HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${client.key}\r\n` +
      'Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}',
  );
  const held = `SELECT count(*)::int AS held FROM pg_locks
    WHERE NOT granted AND relation = 'api_keys'::regclass`;
  await waitFor('the key to be looked up', async () => (await owner.query(held)).rows[0].held > 0);
  socket.destroy();
  await ended;
  await waitFor('the gateway to see that', async () => (await gateway.connections()) < before);
  await owner.query('COMMIT').finally(() => owner.end());
  expect((await client.get('/v1/keys')).status).toBe(200);
  expect(lines.slice(written).filter(({ level }) => level === 'error')).toEqual([]);
});

test('no line holds what was sent or kept', () => {
  const text = JSON.stringify(lines);
  for (const secret of ['acme-secret', gateway.sandbox.apiKey('outfame'), gateway.root.key ?? ''])
    expect(text).not.toContain(secret);
});

test('what is answered well has no cause', async () => {
  const fields = await lineOf(await gateway.root.get(`/v1/accounts/${account}`));
  expect(Object.keys(fields)).not.toContain('cause');
});

test('stacks name places in the sources, told by us or by Node.js', () => {
  const compiled = join(checkout, 'dist', 'src', 'lib');
  const program = `
    import { showSourcePositions, stackOf } from '${compiled}/source-positions.js';
    import { createSealer } from '${compiled}/seal.js';
    showSourcePositions();
    try { createSealer('').open(Buffer.alloc(40), ''); }
    catch (error) { console.log(stackOf(error)); throw error; }`;
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '--eval', program],
    { encoding: 'utf8', env: {} },
  );
  const source = readFileSync(join(checkout, 'src', 'lib', 'seal.ts'), 'utf8').split('\n');
  const line = source.findIndex((text) => text.includes("'a sealed value was altered")) + 1;
  const place = `file://${join(checkout, 'src', 'lib', 'seal.ts')}:${line}:`;
  expect(stdout).toContain(place);
  expect(stderr).toContain(place);
});
