import type { Client } from '../support/client.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';

const BROKEN = { name: 'Broken', page: 'accounts', query: 'health=unhealthy&q=a%20b' };

let gateway: Gateway;
let owner: Client;
beforeAll(async () => {
  gateway = await startGateway();
  owner = (await gateway.newTeam('owner', ['write'])).client;
});
afterAll(() => gateway.stop());

const save = async (request: object = {}) =>
  (await owner.post('/v1/views', { ...BROKEN, ...request })).body.data;

test('a view is kept for the team, by page and name', async () => {
  const made = await owner.post('/v1/views', BROKEN);
  expect(made).toMatchObject({ status: 201, body: { data: { type: 'view', ...BROKEN } } });
  const { id } = made.body.data;
  expect(made.headers.get('location')).toBe(`/v1/views/${id}`);
  const health = await save({ page: 'health' });
  const ids = async (query: string) =>
    (await owner.get(`/v1/views${query}`)).body.data.map((view: { id: string }) => view.id);
  expect(await ids('')).toEqual([id, health.id]);
  expect(await ids('?page=health')).toEqual([health.id]);
  expect((await owner.post('/v1/views', BROKEN)).body.code).toBe('conflict');
  const other = (await gateway.newTeam('other')).client;
  expect((await other.get('/v1/views')).body.data).toEqual([]);
});

test('it is changed and deleted as it was seen, with an entry in the audit log each time', async () => {
  const view = await save({ name: 'Mine' });
  const path = `/v1/views/${view.id}`;
  const etag = (await owner.get(path)).headers.get('etag') ?? '';
  const changed = await owner.patch(path, { name: 'Ours' }, { 'If-Match': etag });
  expect(changed.body.data).toMatchObject({ ...BROKEN, name: 'Ours' });
  expect((await owner.patch(path, { name: 'Yours' }, { 'If-Match': etag })).status).toBe(412);
  const taken = await save({ name: 'Taken' });
  expect((await owner.patch(path, { name: taken.name })).status).toBe(409);
  expect((await owner.patch(path, { name: 'Ours' })).status).toBe(200);
  expect((await owner.delete(path)).status).toBe(204);
  expect((await owner.get(path)).status).toBe(404);
  const { data } = (await owner.get('/v1/audit?limit=200')).body;
  const entries = data.filter(({ target }: { target: { id: string } }) => target.id === view.id);
  expect(entries.map(({ action }: { action: string }) => action)).toEqual([
    'view.deleted',
    'view.changed',
    'view.changed',
    'view.created',
  ]);
  expect(entries[2]).toMatchObject({ before: { name: 'Mine' }, after: { name: 'Ours' } });
});

test('one view of a page at most is its default: another takes its place', async () => {
  const first = await save({ name: 'First', is_default: true });
  const elsewhere = await save({ name: 'Elsewhere', page: 'profiles', is_default: true });
  const second = await save({ name: 'Second' });
  expect([first.is_default, second.is_default]).toEqual([true, false]);
  const defaults = async () =>
    (await owner.get('/v1/views?limit=200')).body.data
      .filter((view: { is_default: boolean }) => view.is_default)
      .map((view: { id: string }) => view.id);
  const change = (id: string, body: object) => owner.patch(`/v1/views/${id}`, body);
  expect((await change(second.id, { is_default: true })).status).toBe(200);
  expect(await defaults()).toEqual([elsewhere.id, second.id]);
  await change(elsewhere.id, { page: 'accounts' });
  expect(await defaults()).toEqual([elsewhere.id]);
  const third = await save({ name: 'Third', is_default: true });
  expect(await defaults()).toEqual([third.id]);
  expect((await change(third.id, { is_default: false })).body.data.is_default).toBe(false);
  expect(await defaults()).toEqual([]);
});

test.each([
  { name: ' ' },
  { page: '/accounts' },
  { page: 'javascript:alert(1)' },
  { is_default: 'yes' },
  { query: 'a b' },
  { query: `q=${'x'.repeat(4_000)}` },
])('is refused as invalid: %j', async (wrong) => {
  expect((await owner.post('/v1/views', { ...BROKEN, ...wrong })).status).toBe(422);
});
