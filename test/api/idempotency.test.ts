import type { Client } from '../support/client.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { type ManualClock, manualClock } from '../support/manual-clock.js';
import { waitFor } from '../support/wait.js';

let gateway: Gateway;
let clock: ManualClock;
let client: Client;
beforeAll(async () => {
  clock = manualClock();
  gateway = await startGateway({ clock });
  client = (await gateway.newTeam('retries')).client;
});
afterAll(() => gateway.stop());

const withKey = (key: string) => ({ 'Idempotency-Key': key });
const keysNamed = (name: string) => gateway.database.prisma.apiKey.count({ where: { name } });
const makeKey = (name: string, key: string, from = client) =>
  from.post('/v1/keys', { name, scopes: ['read'] }, withKey(key));

describe('Idempotency-Key', () => {
  test('gives the first answer again, byte for byte', async () => {
    const first = await makeKey('once', 'k1');
    const again = await makeKey('once', 'k1');
    expect(first.status).toBe(201);
    expect(first.headers.get('idempotency-replayed')).toBeNull();
    expect([again.status, again.text, again.headers.get('idempotency-replayed')]).toEqual([
      201,
      first.text,
      'true',
    ]);
    expect(again.headers.get('cache-control')).toBe('no-store');
    expect(await keysNamed('once')).toBe(1);
  });

  test('gives a refusal again too', async () => {
    const first = await client.post(
      '/v1/accounts',
      { provider: 'outfame', platform: 'instagram', username: 'a' },
      withKey('refused'),
    );
    const again = await client.post(
      '/v1/accounts',
      { provider: 'outfame', platform: 'instagram', username: 'a' },
      withKey('refused'),
    );
    expect(first.status).toBeGreaterThanOrEqual(400);
    expect([again.status, again.text]).toEqual([first.status, first.text]);
  });

  test('with another body or another address is a mistake', async () => {
    await makeKey('body', 'k2');
    expect((await makeKey('other body', 'k2')).body).toMatchObject({
      status: 422,
      code: 'idempotency_mismatch',
    });
    expect(
      (await client.post('/v1/accounts', { platform: 'x', username: 'y' }, withKey('k2'))).body
        .code,
    ).toBe('idempotency_mismatch');
    expect(await keysNamed('other body')).toBe(0);
  });

  test('belongs to the caller: another key and another team have their own', async () => {
    const { client: stranger } = await gateway.newTeam('others');
    expect((await makeKey('mine', 'shared')).status).toBe(201);
    const theirs = await makeKey('theirs', 'shared', stranger);
    expect([theirs.status, theirs.headers.get('idempotency-replayed')]).toEqual([201, null]);
  });

  test('is forgotten after a day', async () => {
    await makeKey('daily', 'day');
    clock.advance(23 * 3_600_000);
    expect((await makeKey('daily', 'day')).headers.get('idempotency-replayed')).toBe('true');
    clock.advance(3_600_001);
    expect((await makeKey('daily', 'day')).headers.get('idempotency-replayed')).toBeNull();
    clock.advance(25 * 3_600_000);
    await gateway.app.recurringJobs.runAll();
    expect(await gateway.database.prisma.idempotencyKey.count()).toBe(0);
  });

  test.each(['', ' ', 'ü', 'x'.repeat(256)])('%j is none', async (key) => {
    const reply = await fetch(`${gateway.url}/v1/keys`, {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${client.key}`,
        'Content-Type': 'application/json',
        'Idempotency-Key': key,
      },
      body: JSON.stringify({ name: 'no', scopes: ['read'] }),
    });
    expect(reply.status).toBe(422);
  });

  test('stores nothing that can be read: a key that was shown once is sealed', async () => {
    const made = await makeKey('sealed', 'seal');
    const row = await gateway.database.prisma.idempotencyKey.findFirstOrThrow({
      where: { key: 'seal' },
    });
    expect(Buffer.from(row.answer ?? []).includes(Buffer.from(made.body.data.key.slice(-36)))).toBe(
      false,
    );
    expect(Buffer.from(row.answer ?? []).includes(Buffer.from('sealed'))).toBe(false);
  });

  test('while the first request runs, the second is told to wait', async () => {
    const held = await gateway.database.pool.connect();
    await held.query('BEGIN; LOCK TABLE api_keys IN EXCLUSIVE MODE');
    const first = makeKey('slow', 'slow');
    await waitFor('the first request to hold its key', () =>
      gateway.database.prisma.idempotencyKey.findFirst({ where: { key: 'slow' } }),
    );
    const second = await makeKey('slow', 'slow');
    await held.query('COMMIT');
    held.release();
    expect([second.status, second.body.code, second.headers.get('retry-after')]).toEqual([
      409,
      'idempotency_in_progress',
      '1',
    ]);
    expect((await first).status).toBe(201);
  });

  test('our own failure does not burn it', async () => {
    await gateway.asOwner('ALTER TABLE audit_events RENAME TO audit_events_away');
    const failed = await makeKey('unlucky', 'burn');
    await gateway.asOwner('ALTER TABLE audit_events_away RENAME TO audit_events');
    expect(failed.status).toBe(500);
    expect((await makeKey('unlucky', 'burn')).status).toBe(201);
    expect(await keysNamed('unlucky')).toBe(1);
  });

  test('that a process left when it died is taken over by the same request, and by no other', async () => {
    const made = await makeKey('crash', 'crash');
    // As a process leaves it that dies before its transaction commits.
    await gateway.database.pool.query(
      `DELETE FROM api_keys WHERE name = 'crash'; UPDATE idempotency_keys SET leased_by = 'rollcall dead', answer = NULL WHERE key = 'crash'`,
    );
    expect((await makeKey('not crash', 'crash')).body.code).toBe('idempotency_mismatch');
    const again = await makeKey('crash', 'crash');
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([201, null]);
    expect(again.text).not.toBe(made.text);
    await gateway.database.pool.query(
      `UPDATE idempotency_keys SET leased_by = 'rollcall dead' WHERE key = 'crash'`,
    );
    expect((await makeKey('crash', 'crash')).text).toBe(again.text);
    expect(await keysNamed('crash')).toBe(1);
  });
});
