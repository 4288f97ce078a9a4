import { describe, expect, test } from '@jest/globals';
import { handle, profileUrl, utc } from '../../src/model/index.js';

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
