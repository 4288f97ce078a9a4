/** What providers have been seen to send in a field, of every JSON type: `null` where it fits none. */
export const JUNK: readonly unknown[] = [
  true,
  false,
  0,
  -1,
  1.5,
  1e300,
  2 ** 31 - 1,
  9e15,
  '',
  ' ',
  'no such word',
  '-1',
  'NaN',
  '14,832',
  'Acme \u{d83d}',
  'nul \0 nul',
  '0001-01-01T00:00:00Z',
  '2026-13-45T00:00:00Z',
  '//host/path',
  'x'.repeat(600),
  'x'.repeat(100_000),
  [],
  [null],
  [7, {}],
  ['nul \0'],
  {},
  { nested: { text: 'half \u{dc00}' } },
  { big: 'x'.repeat(100_000) },
  nested(200),
];

function nested(levels: number): unknown {
  let value: unknown = 'deep';
  for (let level = 0; level < levels; level += 1) value = { value };
  return value;
}

/** Ways to write the instant of an RFC 3339 time in UTC with whole seconds. */
function formsOfTime(time: string): readonly string[] {
  const [date = '', clock = ''] = time.replace('Z', '').split('T');
  const ahead = new Date(Date.parse(time) + 2 * 3_600_000).toISOString().slice(0, 19);
  const basic = (text: string) => text.replaceAll(/[-:]/g, '');
  return [
    `${date}T${clock}+00:00`,
    `${date}T${clock}+0000`,
    `${date}T${clock}-00`,
    `${date} ${clock}Z`,
    `${date} ${clock} +0000`,
    `${date}t${clock}z`,
    `${date}T${clock}.000Z`,
    `${date}T${clock},000000000Z`,
    `${basic(date)}T${basic(clock)}Z`,
    `${ahead}+02:00`,
    `${ahead}+02`,
    `${basic(ahead)}+0200`,
    ` ${time} `,
  ];
}

/** Ways to write a value that mean the same, by its type; none where there are none. */
export function sameValues(value: unknown): readonly unknown[] {
  if (typeof value === 'boolean')
    return [
      String(value),
      ` ${String(value).toUpperCase()} `,
      Number(value),
      String(Number(value)),
    ];
  if (typeof value === 'number') return [String(value), ` ${value} `];
  if (typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:]{8}Z$/.test(value))
    return formsOfTime(value);
  return [];
}
