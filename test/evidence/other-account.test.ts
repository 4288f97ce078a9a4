import { describe, expect, test } from '../support/jest.js';
import type { ProviderName } from './provider-formats.js';
import type { Answer } from './scripted-provider.js';
import { LOSSES, useWorlds, type World } from './world.js';

const worlds = useWorlds();
const [A = '', B = ''] = ['a', 'b'].map((last) => `3c90c3cc-0d44-4b50-8888-8dd25736052${last}`);

const theirs = (text: string) => JSON.parse(text) as Record<string, unknown>;
/** The account with the id of another, or none, in its place. */
const answerWith = (world: World, id: string, change: object): Answer => {
  const account = { ...theirs(world.provider.held.get(id)?.item ?? '{}'), ...change };
  return { body: world.provider.name === 'creatoraudit' ? { data: account } : account };
};

describe('4 wrong account', () => {
  test('GET answers another account than asked', async () => {
    const world = await worlds.open('outfame', ['acc_a', 'acc_b']);
    world.provider.when(
      'GET /accounts/acc_a',
      answerWith(world, 'acc_b', {
        instagram_username: 'other',
        targeting_config: { hashtags: ['theirs'] },
      }),
    );
    const before = await world.accounts();
    expect(await world.probe('acc_a')).toMatchObject({
      status: 502,
      body: { code: 'provider_error', fault: 'provider' },
    });
    expect(await world.change('acc_a', { daily_limits: { likes: 10 } })).toMatchObject({
      status: 502,
      body: { code: 'provider_error' },
    });
    expect(world.provider.writes()).toEqual([]);
    expect(await world.accounts()).toEqual(before);
    expect(await world.events('account.updated', 'account.health_changed')).toEqual([]);
  });

  const OTHERS: readonly (readonly [what: string, ProviderName, ids: string[], object])[] = [
    ['another id', 'octopost', ['acc_a', 'acc_b'], { id: 'acc_b', username: 'theirs' }],
    ['another id', 'creatoraudit', [A, B], { id: B, username: 'theirs', category: 'theirs' }],
    ['an id that nobody has', 'outfame', ['acc_a'], { id: 'acc_new' }],
    ['the id in other case', 'octopost', ['acc_a'], { id: 'ACC_A' }],
    ['the id with a space', 'outfame', ['acc_a'], { id: 'acc_a ' }],
    ['no id', 'octopost', ['acc_a'], { id: null }],
    ['an empty id', 'creatoraudit', [A], { id: '' }],
    ['an object for an id', 'outfame', ['acc_a'], { id: { value: 'acc_a' } }],
  ];
  test.each(OTHERS)(
    '%s from %s is an invalid answer, written nowhere',
    async (_what, name, ids, change) => {
      const world = await worlds.open(name, ids);
      const [id = ''] = ids;
      const before = await world.accounts();
      world.provider.when(`GET /accounts/${encodeURIComponent(id)}`, answerWith(world, id, change));
      expect(await world.probe(id)).toMatchObject({
        status: 502,
        body: { code: 'provider_error' },
      });
      expect(await world.accounts()).toEqual(before);
      expect(await world.events(...LOSSES, 'account.discovered')).toHaveLength(ids.length);
    },
  );

  test.each([
    ['a list', { body: [{ id: 'acc_a' }] }],
    ['a page of accounts', { body: { accounts: [{ id: 'acc_a', is_active: false }] } }],
    ['a text', { raw: '"acc_a"' }],
    ['null', { raw: 'null' }],
  ] as const)('%s in place of one account is an invalid answer', async (_what, answer) => {
    const world = await worlds.open('octopost', ['acc_a']);
    const before = await world.accounts();
    world.provider.when('GET /accounts/acc_a', answer);
    expect(await world.probe('acc_a')).toMatchObject({
      status: 502,
      body: { code: 'provider_error' },
    });
    expect(await world.accounts()).toEqual(before);
  });

  test.each([
    ['outfame', ['acc_a', 'acc_b'], { daily_limits: { likes: 10 } }],
    ['creatoraudit', [A, B], { category: 'beauty' }],
  ] as const)(
    'an update that %s answers with another account is written nowhere',
    async (name, ids, settings) => {
      const world = await worlds.open(name, ids);
      const [id, other] = ids;
      world.provider.when(`PATCH /accounts/${id}`, answerWith(world, other, {}));
      const before = await world.account(other);
      expect(await world.change(id, settings)).toMatchObject({
        status: 502,
        body: { code: 'provider_error' },
      });
      expect(await world.account(other)).toEqual(before);
      expect(world.provider.writes()).toEqual([`PATCH /accounts/${id}`]);
    },
  );

  test('a look behind a pause that shows another account changes neither', async () => {
    const world = await worlds.open('outfame', ['acc_a', 'acc_b']);
    world.provider.when(
      'GET /accounts/acc_a',
      answerWith(world, 'acc_b', { status: 'suspended', instagram_username: 'theirs' }),
    );
    const before = await world.accounts();
    const reply = await world.client.post('/v1/accounts/outfame:acc_a/pause');
    expect(reply).toMatchObject({ status: 502, body: { code: 'provider_error' } });
    expect(await world.accounts()).toEqual(before);
  });

  test.each(['outfame', 'octopost'] as const)(
    'a look behind a delete at %s that shows another account verifies nothing',
    async (name) => {
      const world = await worlds.open(name, ['acc_a', 'acc_b']);
      const answer = answerWith(world, 'acc_b', {});
      world.provider.when('GET /accounts/acc_a', (_request, usual) =>
        world.provider.held.has('acc_a') ? usual() : answer,
      );
      const disconnect = await world.beginDisconnect('acc_a');
      const step = await world.triedStep(disconnect, 3);
      expect(step.state).toMatch(/pending|running/);
      expect(step.verified).not.toBe('absent');
      expect(world.provider.held.has('acc_b')).toBe(true);
      world.provider.asUsual();
      expect(await world.endedStep(disconnect)).toMatchObject({ verified: 'absent' });
      expect(world.provider.writes().filter((call) => call.includes('acc_b'))).toEqual([]);
    },
  );
});
