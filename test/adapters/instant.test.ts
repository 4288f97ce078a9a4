import fc from 'fast-check';
import { readInstant, utc } from '../../src/model/index.js';
import { describe, expect, test } from '../support/jest.js';

const MS_IN = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };
const two = (number: number) => String(number).padStart(2, '0');

/** A clock that is ahead of UTC by some minutes: how it shows an instant, in the given style. */
const style = fc.record({
  separator: fc.constantFrom('T', 't', ' '),
  basicDate: fc.boolean(),
  basicTime: fc.boolean(),
  mark: fc.constantFrom('.', ','),
  digits: fc.integer({ min: 3, max: 9 }),
  zone: fc.constantFrom('colon', 'bare', 'hours', 'Z', 'z'),
  offsetHours: fc.integer({ min: -14, max: 14 }),
  offsetMinutes: fc.constantFrom(0, 30, 45),
});
type Style = typeof style extends fc.Arbitrary<infer Value> ? Value : never;

function written(instant: number, form: Style): string {
  const isUtc = form.zone.toLowerCase() === 'z';
  const minutes = form.zone === 'hours' || isUtc ? 0 : form.offsetMinutes;
  const sign = form.offsetHours < 0 ? -1 : 1;
  const ahead = isUtc ? 0 : form.offsetHours * MS_IN.hour + sign * minutes * MS_IN.minute;
  const shown = new Date(instant + ahead).toISOString();
  const date = shown.slice(0, 10).replaceAll('-', form.basicDate ? '' : '-');
  const time = shown.slice(11, 19).replaceAll(':', form.basicTime ? '' : ':');
  const fraction = shown.slice(20, 23).padEnd(form.digits, '9');
  const hours = `${sign < 0 ? '-' : '+'}${two(Math.abs(form.offsetHours))}`;
  const zones: Record<string, string> = {
    colon: `${hours}:${two(minutes)}`,
    bare: `${hours}${two(minutes)}`,
    hours,
  };
  const zone = zones[form.zone] ?? form.zone;
  return `${date}${form.separator}${time}${form.mark}${fraction}${zone}`;
}

describe('a time', () => {
  test('in any form of ISO 8601 is the instant that it names', () => {
    const instants = fc.integer({ min: Date.UTC(1971, 0), max: Date.UTC(9998, 0) });
    fc.assert(
      fc.property(instants, style, (instant, form) => {
        const expected = new Date(instant).toISOString().replace('.000Z', 'Z');
        expect(readInstant(written(instant, form))).toBe(expected);
        expect(readInstant(expected)).toBe(expected);
      }),
      { numRuns: 2_000 },
    );
  });

  test('without a zone is an instant only where the provider means UTC', () => {
    const instants = fc.integer({ min: Date.UTC(1971, 0), max: Date.UTC(9998, 0) });
    fc.assert(
      fc.property(instants, (instant) => {
        const text = new Date(instant).toISOString();
        const bare = text.slice(0, -1);
        expect(readInstant(bare)).toBeUndefined();
        expect(readInstant(bare, { zoneless: 'utc' })).toBe(text.replace('.000Z', 'Z'));
      }),
    );
  });

  test('whatever else the text is, it is read as a time in UTC, as none or as "never"', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[\d:.,TZW+ -]{5,30}$/)), (text) => {
        const read = readInstant(text);
        if (typeof read === 'string')
          expect(new Date(read).toISOString()).toContain(read.slice(0, -1));
        else expect([null, undefined]).toContain(read);
      }),
      { numRuns: 2_000 },
    );
  });

  test.each([
    ['2026-01-15T08:30Z', '2026-01-15T08:30:00Z'],
    ['2026-01-15T08Z', '2026-01-15T08:00:00Z'],
    ['2026-01-15T08.5Z', '2026-01-15T08:30:00Z'],
    ['2026-01-15T08:30,5Z', '2026-01-15T08:30:30Z'],
    ['2026-01-15T08:30:00.57Z', '2026-01-15T08:30:00.570Z'],
    ['2026-01-15T08:30:00.999999Z', '2026-01-15T08:30:00.999Z'],
    ['2026-01-15T24:00:00Z', '2026-01-16T00:00:00Z'],
    ['2026-12-31T24:00Z', '2027-01-01T00:00:00Z'],
    ['1990-12-31T23:59:60Z', '1991-01-01T00:00:00Z'],
    ['20260115T100000Z', '2026-01-15T10:00:00Z'],
    ['20260115T100000+0200', '2026-01-15T08:00:00Z'],
    ['2026-015T08:30:00Z', '2026-01-15T08:30:00Z'],
    ['2026-W03-4T08:30:00Z', '2026-01-15T08:30:00Z'],
    ['2026-W53-5T00:00:00Z', '2027-01-01T00:00:00Z'],
    ['2026-01-15T08:30:00\u221202:00', '2026-01-15T10:30:00Z'],
    ['2026-01-15T10:00:00+01:00[Europe/Paris]', '2026-01-15T09:00:00Z'],
    ['2026-01-15 08:30:00 UTC', '2026-01-15T08:30:00Z'],
    ['2026-01-15T08:30:00-00:00', '2026-01-15T08:30:00Z'],
    ['2024-02-29T23:59:59-01:00', '2024-03-01T00:59:59Z'],
    ['+002026-01-15T08:30:00Z', '2026-01-15T08:30:00Z'],
  ])('%s is %s', (text, expected) => {
    expect(utc(text)).toBe(expected);
  });

  test.each([
    '0001-01-01T00:00:00Z',
    '0001-01-01T00:00:00+0000',
    '0001-01-01T00:00:00+09:00',
    '0001-01-01T00:00:00',
    '1970-01-01 00:00:00',
    '0000-00-00 00:00:00',
    '0000-00-00T00:00:00Z',
    '1970-01-01T00:00:00Z',
    '1970-01-01 00:00:00+0000',
    '1970-01-01T01:00:00+01:00',
    '1969-12-31T19:00:00-05:00',
    '9999-12-31T23:59:59Z',
  ])('%s stands for "never"', (text) => {
    expect(readInstant(text)).toBeNull();
  });

  test.each([
    '',
    'yesterday',
    '2026-01-15',
    '2026-01-15T08:30:00',
    '2026-02-30T08:30:00Z',
    '2026-13-01T08:30:00Z',
    '2026-01-15T25:00:00Z',
    '2026-01-15T24:00:01Z',
    '2026-01-15T08:60:00Z',
    '2026-01-15T08:30:61Z',
    '2026-01-15T08:30:00+24:00',
    '2026-01-15T08:30:00+2',
    '2025-366T08:30:00Z',
    '2026-W54-1T00:00:00Z',
    '2026-W00-1T00:00:00Z',
    '15/01/2026 08:30',
    '1768465800',
    `2026-01-15T08:30:00.${'1'.repeat(200)}Z`,
  ])('%s names no instant', (text) => {
    expect(readInstant(text)).toBeUndefined();
    expect(utc(text)).toBeNull();
  });
});
