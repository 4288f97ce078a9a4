import { beforeAll, describe, expect, test } from '../support/jest.js';
import { showAll, useWorlds } from './world.js';

const worlds = useWorlds();

const NEVER = [
  '0001-01-01T00:00:00Z',
  '0001-01-01T00:00:00',
  '0001-01-01T00:00:00+02:00',
  '1970-01-01T00:00:00Z',
  '1970-01-01T00:00:00.000+0000',
];
const INSTANTS: readonly (readonly [written: string, instant: string])[] = [
  ['2026-01-15T10:00:00Z', '2026-01-15T10:00:00Z'],
  ['2026-01-15T10:00:00+00:00', '2026-01-15T10:00:00Z'],
  ['2026-01-15T10:00:00+0000', '2026-01-15T10:00:00Z'],
  ['2026-01-15T10:00:00-00:00', '2026-01-15T10:00:00Z'],
  ['2026-01-15T10:00:00+02', '2026-01-15T08:00:00Z'],
  ['2026-01-15T10:00:00-0330', '2026-01-15T13:30:00Z'],
  ['2026-01-15T10:00:00+14:00', '2026-01-14T20:00:00Z'],
  ['2026-01-15 10:00:00Z', '2026-01-15T10:00:00Z'],
  ['2026-01-15 10:00:00+0000', '2026-01-15T10:00:00Z'],
  ['2026-01-15 10:00:00 +0000', '2026-01-15T10:00:00Z'],
  ['2026-01-15t10:00:00z', '2026-01-15T10:00:00Z'],
  ['2026-01-15T10:00Z', '2026-01-15T10:00:00Z'],
  ['2026-01-15T10:00+02:00', '2026-01-15T08:00:00Z'],
  ['2026-01-15T10:00:00.5Z', '2026-01-15T10:00:00.500Z'],
  ['2026-01-15T10:00:00,5Z', '2026-01-15T10:00:00.500Z'],
  ['2026-01-15T10:00:00.123456789Z', '2026-01-15T10:00:00.123Z'],
  ['20260115T100000Z', '2026-01-15T10:00:00Z'],
  ['20260115T100000+0200', '2026-01-15T08:00:00Z'],
  ['20260115T1000Z', '2026-01-15T10:00:00Z'],
  ['2024-02-29T23:59:59Z', '2024-02-29T23:59:59Z'],
  [' 2026-01-15T10:00:00Z ', '2026-01-15T10:00:00Z'],
];
const NO_INSTANTS: readonly (readonly [what: string, written: string])[] = [
  ['no zone', '2026-01-15T10:00:00'],
  ['a date alone', '2026-01-15'],
  ['no such day', '2026-02-30T10:00:00Z'],
  ['no such day of a common year', '2026-02-29T10:00:00Z'],
  ['no such hour', '2026-01-15T25:00:00Z'],
  ['no such minute', '2026-01-15T10:60:00Z'],
  ['no such offset', '2026-01-15T10:00:00+99:00'],
  ['prose', 'yesterday at noon'],
  ['a number in text', '1768471200'],
  ['a number', String(1_768_471_200)],
  ['year zero', '0000-00-00T00:00:00Z'],
  ['the zero date', '0000-00-00 00:00:00'],
  ['nothing', ''],
  ['a year of two digits', '26-01-15T10:00:00Z'],
  ['more behind it', '2026-01-15T10:00:00Zulu'],
];

describe('7 times', () => {
  /** By what was written: when Outfame, which promises ISO 8601 and no zone, made the account. */
  const connectedAt = new Map<string, string | null>();
  beforeAll(async () => {
    const written = [...INSTANTS.map(([text]) => text), ...NO_INSTANTS.map(([, text]) => text)];
    const all = [...written, ...NEVER];
    const parts = all.map((created_at) => ({ created_at }));
    const { sweep, accounts } = await showAll(worlds, 'outfame', parts);
    expect(sweep).toMatchObject({ seen: all.length, quarantined: 0 });
    for (const [number, text] of all.entries())
      connectedAt.set(text, accounts[number].connected_at);
  });

  test.each(INSTANTS)('%j is read', (written, instant) => {
    expect(Date.parse(connectedAt.get(written) ?? '')).toBe(Date.parse(instant));
  });

  test.each(NO_INSTANTS)('%s names no certain instant: null', (_what, written) => {
    expect(connectedAt.get(written)).toBeNull();
  });

  test.each(NEVER)('%s is no time: null', (written) => {
    expect(connectedAt.get(written)).toBeNull();
  });

  test('a provider that documents its times as UTC needs no zone', async () => {
    const { accounts } = await showAll(worlds, 'octopost', [
      { connected_at: '2026-01-15T10:00:00' },
    ]);
    expect(accounts[0].connected_at).toBe('2026-01-15T10:00:00.000Z');
  });

  test('year one for never used', async () => {
    const parts = NEVER.map((last_scrape_time) => ({ last_scrape_time, follower_count: 0 }));
    const { accounts } = await showAll(worlds, 'creatoraudit', parts);
    for (const account of accounts) {
      expect(account).toMatchObject({
        status: 'setup',
        health: { status: 'unknown', reason: 'setup_pending' },
        metrics: { followers: null, views: null, as_of: null },
      });
    }
  });

  test('offset without a colon', async () => {
    const part = { last_scrape_time: '2026-01-15T10:00:00+0200' };
    const { sweep, accounts } = await showAll(worlds, 'creatoraudit', [part]);
    expect(sweep).toMatchObject({ seen: 1, quarantined: 0 });
    expect(Date.parse(accounts[0].metrics.as_of)).toBe(Date.parse('2026-01-15T08:00:00Z'));
  });

  test('a deciding time that cannot be read is not taken for "never"', async () => {
    const parts = ['2026-02-30T10:00:00Z', 'not long ago', 17].map((last_scrape_time) => ({
      last_scrape_time,
    }));
    const { accounts } = await showAll(worlds, 'creatoraudit', parts);
    for (const account of accounts) {
      expect(account).toMatchObject({
        status: 'active',
        health: { status: 'unknown', reason: 'answer_unreadable', fault: 'provider' },
      });
    }
  });

  test('however it is written, a fresh time is healthy and an old one is stale', async () => {
    const anHourAgo = new Date(Date.now() - 3_600_000).toISOString().slice(0, 19);
    const offsets = ['+0000', '+00', ' +00:00', '-0000'];
    const parts = [anHourAgo, '2026-01-15T10:00:00'].flatMap((time) =>
      offsets.map((offset) => ({ last_scrape_time: time + offset })),
    );
    const { accounts } = await showAll(worlds, 'creatoraudit', parts);
    expect(accounts.map(({ health }) => health.reason)).toEqual([
      ...offsets.map(() => null),
      ...offsets.map(() => 'data_stale'),
    ]);
  });
});
