import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AUDIT_POLICIES } from '../../src/api/audit-policies.js';
import type { AuditPolicy } from '../../src/http/route.js';
import { TOOLS } from '../../src/mcp/server.js';
import { checkout } from '../support/checkout.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { idsOf } from '../support/pages.js';

let gateway: Gateway;

beforeAll(async () => {
  gateway = await startGateway();
  await gateway.connect('outfame');
});

afterAll(async () => {
  await gateway.stop();
});

const ACCOUNT = 'outfame:acc_7Gx2kLm9Qr';

describe('GET /v1/audit', () => {
  test('tells who did what to which account, with which key and request, before and after', async () => {
    await gateway.root.patch(
      `/v1/accounts/${ACCOUNT}`,
      { labels: { brand: 'acme' } },
      { 'X-Request-ID': 'my-request' },
    );
    const { body } = await gateway.root.get('/v1/audit?request_id=my-request');
    expect(body.data).toStrictEqual([
      {
        id: expect.stringMatching(/^aud_/),
        type: 'audit_event',
        action: 'account.labels_changed',
        target: { type: 'account', id: expect.stringMatching(/^acct_/) },
        actor: { key_id: expect.stringMatching(/^key_/), name: 'root' },
        request_id: 'my-request',
        before: { labels: {} },
        after: { labels: { brand: 'acme' } },
        reason: null,
        at: expect.any(String),
      },
    ]);
  });

  test('holds every kind of change, and no credential', async () => {
    const { root } = gateway;
    const { client } = await gateway.newTeam('other');
    const connection = await gateway.connect('creatoraudit');
    const key = gateway.sandbox.apiKey('creatoraudit');
    await root.patch(`/v1/connections/${connection}`, {
      name: 'renamed',
      credentials: { api_key: key },
    });
    await root.post(`/v1/connections/${connection}/sweep`);
    await root.post(`/v1/accounts/${ACCOUNT}/pause`);
    await root.post(`/v1/accounts/${ACCOUNT}/resume`);
    await root.patch(`/v1/accounts/${ACCOUNT}`, { settings: { daily_limits: { likes: 7 } } });
    await root.post('/v1/accounts', {
      provider: 'outfame',
      platform: 'tiktok',
      username: 'brand_new',
    });
    const made = await root.post('/v1/keys', { name: 'short-lived', scopes: ['read'] });
    await root.delete(`/v1/keys/${made.body.data.id}`);
    await gateway.sweep(connection);
    await root.delete(`/v1/connections/${connection}`);

    const { body, text } = await root.get('/v1/audit?limit=200');
    const actions = new Set(body.data.map((event: { action: string }) => event.action));
    for (const action of [
      'account.created',
      'account.paused',
      'account.resumed',
      'account.settings_changed',
      'connection.created',
      'connection.changed',
      'connection.deleted',
      'key.created',
      'key.revoked',
      'sweep.requested',
    ]) {
      expect(actions).toContain(action);
    }
    expect(text).not.toContain(key);
    expect(text).not.toContain(made.body.data.key);

    const theirs = await client.get('/v1/audit');
    expect(theirs.body.data.map((event: { action: string }) => event.action)).toStrictEqual([
      'key.created',
      'team.created',
    ]);
  });

  test('pages and filters', async () => {
    const all = await gateway.root.get('/v1/audit?limit=200&include_total=true');
    const seen = await idsOf(gateway.root, '/v1/audit?limit=3');
    expect(seen).toStrictEqual(all.body.data.map((event: { id: string }) => event.id));
    expect(all.body.pagination.total_count).toBe(seen.length);
    const keys = await gateway.root.get('/v1/audit?target_type=key&action=key.created,key.revoked');
    expect(
      new Set(keys.body.data.map((event: { target: { type: string } }) => event.target.type)),
    ).toStrictEqual(new Set(['key']));
    const future = await gateway.root.get('/v1/audit?since=2999-01-01T00:00:00Z');
    expect(future.body.data).toStrictEqual([]);
  });

  test('is closed to a key that may see only some providers', async () => {
    const made = await gateway.root.post('/v1/keys', {
      name: 'outfame only',
      scopes: ['admin'],
      providers: ['outfame'],
    });
    const reply = await gateway.with(made.body.data.key).get('/v1/audit');
    expect(reply.status).toBe(403);
  });
});

describe('the audit log', () => {
  test.each([
    'UPDATE audit_events SET reason = NULL',
    'DELETE FROM audit_events',
    'TRUNCATE audit_events',
    "UPDATE audit_chain SET hash = ''",
    'DELETE FROM audit_chain',
    'TRUNCATE audit_chain',
  ])('its owner is refused, and the gateway may not ask: %s', async (statement) => {
    const refused = gateway.asOwner(`SET session_replication_role = replica; ${statement}`);
    await expect(refused).rejects.toThrow('append-only');
    await expect(gateway.database.pool.query(statement)).rejects.toThrow('permission denied');
  });

  test.each([
    'ALTER TABLE audit_events DISABLE TRIGGER USER',
    'DROP TRIGGER audit_events_append_only ON audit_events',
    'CREATE TRIGGER another BEFORE INSERT ON audit_events EXECUTE FUNCTION refuse_audit_change()',
    'CREATE RULE nothing AS ON INSERT TO audit_events DO INSTEAD NOTHING',
    'ALTER TABLE audit_events OWNER TO CURRENT_USER',
    'GRANT UPDATE ON audit_events TO CURRENT_USER',
    'DROP TABLE audit_chain',
    'SET session_replication_role = replica',
    'SET ROLE rollcall',
    "DELETE FROM _prisma_migrations WHERE migration_name LIKE '%audit%'",
  ])('the gateway cannot make itself able to: %s', async (statement) => {
    const { pool } = gateway.database;
    const before = await privileges();
    await pool.query(statement).then(
      // PostgreSQL only warns of a GRANT that gives nothing.
      () => expect(statement).toMatch(/^GRANT/),
      (error: Error) => expect(error.message).toMatch(/must be owner|permission denied/),
    );
    expect(await privileges()).toStrictEqual(before);
  });

  async function privileges() {
    const { rows } = await gateway.database.pool.query(
      `SELECT has_table_privilege('audit_events', 'UPDATE, DELETE, TRUNCATE, TRIGGER') AS may_change,
         has_table_privilege('audit_events', 'INSERT') AS may_add`,
    );
    expect(rows).toStrictEqual([{ may_change: false, may_add: true }]);
    return rows;
  }
});

describe('audit policies', () => {
  test('are declared for every route that changes something, and for no other', () => {
    const changing = gateway.app.routes
      .filter(({ method }) => method !== 'GET')
      .map(({ method, path }) => `${method} ${path}`);
    expect(Object.keys(AUDIT_POLICIES).sort()).toEqual([...new Set(changing)].sort());
  });

  test('name actions that the gateway writes, or say why there are none', () => {
    const source = readdirSync(join(checkout, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !/client|audit-policies|^mcp/.test(file))
      .map((file) => readFileSync(join(checkout, 'src', file), 'utf8'))
      .join('\n');
    const policies: readonly AuditPolicy[] = [
      ...Object.values(AUDIT_POLICIES),
      ...TOOLS.map(({ audit }) => audit),
    ];
    for (const policy of policies) {
      if ('none' in policy) expect(policy.none).toMatch(/\w.*\.$/);
      else
        expect(policy.actions.filter((action) => !source.includes(`'${action}'`))).toStrictEqual(
          [],
        );
    }
  });
});
