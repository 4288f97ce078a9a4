import fc from 'fast-check';
import {
  JsonText,
  memberOf,
  mergeJson,
  parseExactly,
  stringifyJson,
  withoutBlanks,
} from '../../src/lib/json-text.js';
import { parseLarge } from '../../src/lib/large-json.js';
import { describe, expect, test } from '../support/jest.js';

/** JSON as a provider may write it: odd spaces, names that look like places, numbers in any form. */
const space = fc.constantFrom('', ' ', '\n  ', '\t');
const { json } = fc.letrec<{ json: string; object: string }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom('null', 'true', '1.0', '1e5', '-0', '17841400123456789', '0.10', '"\\u00e9"'),
    fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text)),
    fc.array(tie('json'), { maxLength: 3 }).map((items) => `[${items.join(' , ')}]`),
    tie('object'),
  ),
  object: fc
    .array(
      fc.tuple(fc.constantFrom('a', 'b', '10', '2', 'é', '"{', '__proto__'), space, tie('json')),
      {
        maxLength: 5,
      },
    )
    .map((members) => [...new Map(members.map((member) => [member[0], member])).values()])
    .map(
      (members) =>
        `{${members.map(([name, gap, value]) => `${gap}${JSON.stringify(name)}${gap}:${gap}${value}${gap}`).join(',')}}`,
    ),
}));
const objects = json.filter((text) => text.startsWith('{'));

describe('a merge over JSON text', () => {
  test('leaves what is not named byte for byte, and sets what is', () => {
    const changes = fc.dictionary(fc.constantFrom('a', '10', 'new'), fc.jsonValue({ maxDepth: 1 }));
    fc.assert(
      fc.property(objects, changes, (text, change) => {
        const merged = mergeJson(new JsonText(text), change);
        const before = JSON.parse(text) as Record<string, unknown>;
        const after = JSON.parse(merged.text) as Record<string, unknown>;
        for (const name of Object.keys(before)) {
          if (Object.hasOwn(change, name)) continue;
          expect(memberOf(merged, name)?.text).toBe(memberOf(new JsonText(text), name)?.text);
        }
        for (const [name, value] of Object.entries(change)) {
          const isMerged = [before[name], value].every(
            (one) => typeof one === 'object' && one !== null && !Array.isArray(one),
          );
          if (isMerged) expect(after[name]).toMatchObject(JSON.parse(JSON.stringify(value)));
          else expect(after[name]).toEqual(JSON.parse(JSON.stringify(value)));
        }
        expect(new Set(Object.keys(after))).toEqual(
          new Set([...Object.keys(before), ...Object.keys(change)]),
        );
        expect(mergeJson(new JsonText(text), {}).text).toBe(text);
      }),
      { numRuns: 2_000 },
    );
  });

  test('reaches as deep as the change, keeps order and replaces lists', () => {
    const current = new JsonText('{ "b": {"2":1e5,"1":1.0, "z":[1, 2]}, "a":17841400123456789 }');
    expect(mergeJson(current, { b: { z: [3], y: { n: null } } }).text).toBe(
      '{ "b": {"2":1e5,"1":1.0, "z":[3],"y":{"n":null}}, "a":17841400123456789 }',
    );
    expect(mergeJson(new JsonText('{}'), { a: 1 }).text).toBe('{"a":1}');
    expect(mergeJson(new JsonText('{ "a":1 }'), { a: {} }).text).toBe('{ "a":{} }');
    expect(mergeJson(new JsonText('"text"'), { a: 1 }).text).toBe('{"a":1}');
    expect(mergeJson(new JsonText('{"a":1,"a":2}'), { b: 1 }).text).toBe('{"a":1,"a":2,"b":1}');
    expect(memberOf(new JsonText('{"a":1,"a":2}'), 'a')?.text).toBe('2');
  });
});

test('plain values are written as JSON.stringify does, texts as they came', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(JSON.parse(stringifyJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
  expect(stringifyJson({ a: [new JsonText('1.0')], b: undefined })).toBe('{"a":[1.0]}');
});

test('whole numbers beyond 2^53 are read as their digits, and nothing else is touched', () => {
  expect(
    parseExactly('{"id":17841400123456789,"n":[-90071992547409930, 9007199254740991],"x":1e30}'),
  ).toEqual({ id: '17841400123456789', n: ['-90071992547409930', 9007199254740991], x: 1e30 });
  for (const text of [
    '{"t":"a: 17841400123456789, b"}',
    '{"t":"\\"a\\\\", "u":"[17841400123456789]"}',
    '[0.12345678901234567890]',
    '[1234567890123456.5, 1e12345]',
  ])
    expect(parseExactly(text)).toEqual(JSON.parse(text));
  fc.assert(
    fc.property(json, fc.bigInt({ min: 2n ** 53n, max: 2n ** 70n }), (text, big) => {
      const read = parseExactly(`{"value":${text},"big":${big},"list":[${big} ]}`);
      expect(read).toMatchObject({ big: String(big), list: [String(big)] });
    }),
  );
  expect(() => parseExactly('{"a":17841400123456789')).toThrow(SyntaxError);
});

describe('a long text', () => {
  const long = (text: string, pad: number) =>
    `{"pad":"${'𝒳éx'.repeat(150_000)}${'x'.repeat(pad)}","value":${text}}`;

  test('is read as a short one, wherever its slices end', async () => {
    await fc.assert(
      fc.asyncProperty(json, fc.nat(70_000), async (text, pad) => {
        const whole = long(`[${text},17841400123456789,"𝒳",-1.5e3]`, pad);
        expect(await parseLarge(whole)).toEqual(parseExactly(whole));
      }),
      { numRuns: 10 },
    );
  });

  test.each([
    ['cut off', (text: string) => text.slice(0, -1)],
    ['with more behind it', (text: string) => `${text}x`],
    ['with a second value behind it', (text: string) => `${text}{}`],
    ['with a comma too many', (text: string) => `${text.slice(0, -1)},}`],
    [
      'with an object of too many members',
      (text: string) =>
        `{"pad":${JSON.stringify(Object.fromEntries(Array.from({ length: 100_001 }, (_, at) => [`k${at}`, 0])))},${text.slice(1)}`,
    ],
    ['with a number that is none', (text: string) => text.replace(':[', ':[01,')],
  ])('that is %s is refused', async (_what, spoil) => {
    const spoiled = spoil(long('[1]', 3));
    await expect(parseLarge(spoiled)).rejects.toThrow(SyntaxError);
  });

  test('has members that are named like no other', async () => {
    const whole = long('{"__proto__":{"x":1},"a":1,"a":2}', 0);
    expect(JSON.stringify(await parseLarge(whole))).toBe(JSON.stringify(JSON.parse(whole)));
  });
});

describe('blanks between tokens', () => {
  /** As PostgreSQL writes `jsonb`, and `json_agg` the items of a list. */
  const spaced = (value: unknown, between: string): string => {
    if (Array.isArray(value))
      return `[${value.map((item) => spaced(item, between)).join(between)}]`;
    if (typeof value !== 'object' || value === null) return JSON.stringify(value);
    const members = Object.entries(value).map(
      ([name, member]) => `${JSON.stringify(name)} : ${spaced(member, between)}`,
    );
    return `{${members.join(between)}}`;
  };

  test.each([', ', ', \n ', ','])('are taken out where they are %j', (between) => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(withoutBlanks(spaced(value, between))).toBe(JSON.stringify(value));
      }),
    );
  });

  test.each(['"a \\" : b, c"', '{"a, \\\\":"\\\\ "}', '" "', ''])(
    'stay in the strings of %s',
    (text) => {
      expect(withoutBlanks(text)).toBe(text);
    },
  );
});
