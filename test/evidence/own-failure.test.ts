import { BRISK } from '../support/gateway.js';
import { describe, expect, test } from '../support/jest.js';
import { shiftedClock } from '../support/manual-clock.js';
import type { Answer } from './scripted-provider.js';
import { LOSSES, useWorlds } from './world.js';

const clock = shiftedClock();
const INTERVAL_SECONDS = 3600;
// A circuit opens early and stays so for the whole of a test.
const worlds = useWorlds({
  clock,
  sweepIntervalSeconds: INTERVAL_SECONDS,
  policies: { ...BRISK, breakerConsecutive: 2, breakerOpenMs: 600_000, breakerOpenMaxMs: 600_000 },
});

const IDS = ['instagram/17841', 'facebook/111222', 'twitter/99'] as const;
const [FIRST, SECOND, THIRD] = IDS;
const REPORT = 'GET /accounts/health';
const DOWN: readonly (readonly [how: string, Answer])[] = [
  ['fails', { status: 500, body: { error: { code: 'INTERNAL_ERROR' } } }],
  ['is unavailable', { status: 503, body: { error: 'Busy', code: 'INTERNAL_ERROR' } }],
  ['is gone', { status: 404, body: { error: 'Not found', code: 'NOT_FOUND' } }],
  ['is lost to a proxy', { status: 404, raw: '<html>nginx</html>' }],
  ['is a page for people', { headers: [['content-type', 'text/html']], raw: '<html></html>' }],
  ['has an error in 200', { body: { accounts: [], error: 'timed out', code: 'INTERNAL_ERROR' } }],
  ['is half of it', { status: 206, body: { accounts: [] } }],
  ['breaks off', { raw: '{"accounts":[{"platform":"insta', cutAfter: 20 }],
  ['never answers', { hangs: true }],
  ['may not be read', { status: 403, body: { error: 'Forbidden', code: 'FORBIDDEN' } }],
];

describe('10 own failure', () => {
  test.each(DOWN)('health report %s, list and delete fine', async (_how, answer) => {
    const world = await worlds.open('socialsyncer', [], { script: { [REPORT]: answer } });
    for (const id of IDS) world.provider.put(id);
    expect(await world.sweep()).toMatchObject({ state: 'succeeded', seen: 3, added: 3 });
    for (const account of await world.accounts())
      expect(account).toMatchObject({ status: 'active', health: { status: 'unknown' } });
    for (let round = 0; round < 2; round++) await world.sweep();
    for (const id of [FIRST, SECOND]) {
      const { body } = await world.disconnect(id);
      expect(body.data.steps[0]).toMatchObject({ outcome: 'disconnected', verified: 'absent' });
      expect(world.provider.held.has(id)).toBe(false);
    }
    expect((await world.account(THIRD)).status).toBe('active');
    world.provider.asUsual();
  });

  test.each(DOWN)(
    'verdicts stand while the report %s, and new accounts land',
    async (_how, answer) => {
      const world = await worlds.open('socialsyncer', [FIRST, SECOND]);
      world.provider.put(FIRST, { tokenValid: false, health: 'error' });
      await world.sweep();
      const before = await world.account(FIRST);
      world.provider.when(REPORT, answer);
      world.provider.put(THIRD);
      world.provider.put(SECOND, { username: 'renamed' });
      expect(await world.sweep()).toMatchObject({ seen: 3, added: 1, vanished: 0 });
      expect((await world.account(FIRST)).health).toMatchObject({
        status: 'unhealthy',
        reason: 'token_invalid',
        token_valid: false,
        since: before.health.since,
      });
      expect(await world.account(FIRST)).toMatchObject({ status: 'reconnect_required' });
      expect(await world.account(SECOND)).toMatchObject({
        username: 'renamed',
        health: { status: 'healthy', token_valid: true },
      });
      expect((await world.account(THIRD)).health.status).toBe('unknown');
      expect(await world.events('account.health_changed', ...LOSSES)).toHaveLength(1);
    },
  );

  test('verdicts age while the report fails, and come back with it', async () => {
    const world = await worlds.open('socialsyncer', [FIRST]);
    world.provider.when(REPORT, { status: 500, body: { error: 'x', code: 'INTERNAL_ERROR' } });
    const checkedAt = (await world.account(FIRST)).health.checked_at;
    clock.advance(INTERVAL_SECONDS * 1000);
    await world.sweep();
    expect((await world.account(FIRST)).health).toMatchObject({
      status: 'healthy',
      checked_at: checkedAt,
    });
    expect(Date.parse((await world.account(FIRST)).last_seen_at)).toBeGreaterThan(
      Date.parse(checkedAt),
    );
  });

  test('an account that the report leaves out has no health told', async () => {
    const world = await worlds.open('socialsyncer', [FIRST, SECOND]);
    world.provider.held.set(THIRD, {
      item: world.provider.held.get(FIRST)?.item ?? '',
      health: undefined,
    });
    world.provider.held.delete(FIRST);
    await world.sweep();
    expect((await world.account(FIRST)).health).toMatchObject({
      status: 'unknown',
      reason: 'not_told',
      fault: null,
    });
    expect((await world.account(SECOND)).health.status).toBe('healthy');
  });

  test('deletes that fail hold up neither sweeps nor probes', async () => {
    const world = await worlds.open('octopost', ['acc_a', 'acc_b']);
    const failure: Answer = { status: 500, body: { error: 'try later', code: 'internal' } };
    world.provider.when('DELETE /accounts/acc_a', failure);
    const disconnect = await world.beginDisconnect('acc_a');
    await world.triedStep(disconnect, 5);
    expect(await world.sweep()).toMatchObject({ state: 'succeeded' });
    expect((await world.probe('acc_b')).status).toBe(200);
  });

  test('reads that fail hold up no write', async () => {
    const world = await worlds.open('outfame', ['acc_a', 'acc_b']);
    const failure: Answer = { status: 500, raw: '' };
    world.provider.when('GET /accounts', failure);
    world.provider.when('GET /accounts/acc_a', failure);
    for (let round = 0; round < 4; round++) {
      await world.sweep();
      await world.probe('acc_a');
    }
    await world.client.post('/v1/accounts/outfame:acc_a/pause');
    expect(world.provider.writes()).toEqual(['POST /engagement/pause']);
  });
});
