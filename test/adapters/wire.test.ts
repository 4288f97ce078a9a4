import { handle, profileUrl, read, utc } from '../../src/model/index.js';
import { describe, expect, test } from '../support/jest.js';

describe('utc', () => {
  test.each([
    ['2026-01-15T08:30:00Z', '2026-01-15T08:30:00Z'],
    ['2026-01-15T10:30:00+02:00', '2026-01-15T08:30:00Z'],
    ['2026-01-15T08:30:00.123456Z', '2026-01-15T08:30:00.123Z'],
    ['2024-02-29T23:59:59-01:00', '2024-03-01T00:59:59Z'],
    ['2026-01-15T08:30:00', null],
    ['2026-02-30T08:30:00Z', null],
    ['2026-01-15', null],
    ['1707487200', null],
    ['', null],
    [null, null],
    [undefined, null],
  ])('%j is %j', (time, expected) => {
    expect(utc(time)).toBe(expected);
  });
});

describe('unixTime', () => {
  test.each([
    [1_768_471_200, '2026-01-15T10:00:00.000Z'],
    ['1768471200', '2026-01-15T10:00:00.000Z'],
    [1_768_471_200.5, '2026-01-15T10:00:00.500Z'],
    [0, null],
    [null, null],
  ])('in seconds %j is %j', (given, expected) => {
    expect(read.unixTime('seconds').parse(given)).toBe(expected);
  });

  test.each([-1, 9e15, 'yesterday', '2026-01-15T10:00:00Z', true, {}])('%j is none', (given) => {
    expect(read.unixTime('seconds').safeParse(given).success).toBe(false);
  });

  test('in milliseconds is the same time', () => {
    expect(read.unixTime('milliseconds').parse(1_768_471_200_000)).toBe('2026-01-15T10:00:00.000Z');
  });
});

describe('handle', () => {
  test.each([
    ['@acme', 'acme'],
    ['Acme.Fit', 'Acme.Fit'],
    ['octo@mastodon.social', 'octo@mastodon.social'],
    ['Acme Fitness', null],
    ['acme\u00a0fitness', null],
    ['@', null],
    ['', null],
    [null, null],
  ])('%j is %j', (name, expected) => {
    expect(handle(name)).toBe(expected);
  });
});

describe('profileUrl', () => {
  test.each([
    ['instagram', 'acme', 'https://www.instagram.com/acme'],
    ['tiktok', 'acme', 'https://www.tiktok.com/@acme'],
    ['instagram', '../x?y#z', 'https://www.instagram.com/..%2Fx%3Fy%23z'],
    ['instagram', null, null],
    ['facebook', 'acme', null],
    ['constructor', 'acme', null],
  ])('%s %j is %j', (platform, username, expected) => {
    expect(profileUrl(platform, username)).toBe(expected);
  });
});
