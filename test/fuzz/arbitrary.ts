import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import fc, { type Arbitrary } from 'fast-check';

type Json = ReturnType<typeof JSON.parse>;

/**
 * Texts that break things: NUL, half a surrogate pair, right-to-left, combining marks, quotes, a
 * million characters.
 */
const ODD_TEXTS = [
  '\0',
  'a\0b',
  '\ud800',
  'x\udc00y',
  '',
  ' ',
  '‮abc',
  'é'.repeat(40),
  "'; DROP TABLE accounts; --",
  '%00',
  '../../etc',
  '{{7*7}}',
  '𝒳'.repeat(70),
  'x'.repeat(5_000),
];
/** Right-to-left, an override of it, marks that combine, a joined emoji: text like any other. */
const STRANGE_BUT_FINE = ['مرحبا', '\u202eabc', 'e\u0301e\u0301', '👩‍👩‍👧'];
const HUGE = 'x'.repeat(1_000_000);
const deep = (depth: number) => JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`) as unknown;
const ODD_VALUES = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  2 ** 53,
  [],
  {},
  [[]],
  [null],
  { a: { b: 1 } },
  deep(2_000),
  ...ODD_TEXTS,
];

const ajv = new Ajv2020({ strict: false });
formats.default(ajv);

/** Values that a schema of the document takes, and values that it does not. */
export class Values {
  private readonly checks = new Map<string, ValidateFunction>();

  constructor(private readonly document: Json) {}

  isValid(schema: Json, value: unknown): boolean {
    const key = JSON.stringify(schema);
    const check =
      this.checks.get(key) ?? ajv.compile({ ...schema, components: this.document.components });
    this.checks.set(key, check);
    return check(value) === true;
  }

  valid(given: Json): Arbitrary<unknown> {
    const schema = given.$ref
      ? this.document.components.schemas[given.$ref.split('/').at(-1)]
      : given;
    if ('const' in schema) return fc.constant(schema.const);
    if (schema.enum) return fc.constantFrom(...schema.enum);
    const choices = schema.anyOf ?? schema.oneOf;
    if (choices) return fc.oneof(...choices.map((choice: Json) => this.valid(choice)));
    const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
    const any = this.validOf(type, schema);
    return any.filter((value) => this.isValid(schema, value));
  }

  private validOf(type: string | undefined, schema: Json): Arbitrary<unknown> {
    if (type === 'string') return validText(schema);
    if (type === 'boolean') return fc.boolean();
    if (type === 'integer' || type === 'number') {
      return fc.integer({
        min: schema.minimum ?? (schema.exclusiveMinimum ?? -1000) + 1,
        max: Math.min(schema.maximum ?? 1000, 2 ** 31),
      });
    }
    if (type === 'null') return fc.constant(null);
    if (type === 'array') {
      const limits = {
        minLength: schema.minItems ?? 0,
        maxLength: Math.min(schema.maxItems ?? 3, 3),
      };
      return fc.array(this.valid(schema.items ?? {}), limits);
    }
    if (type === 'object') return this.validObject(schema);
    return fc.constantFrom(null, 1, 'text', true);
  }

  private validObject(schema: Json): Arbitrary<unknown> {
    const members = Object.entries<Json>(schema.properties ?? {}).map(
      ([name, member]) => [name, this.valid(member)] as const,
    );
    const fixed = fc.record(Object.fromEntries(members), { requiredKeys: schema.required ?? [] });
    if (typeof schema.additionalProperties !== 'object') return fixed;
    const names = schema.propertyNames
      ? this.valid(schema.propertyNames)
      : fc.stringMatching(/^[a-z]{1,8}$/);
    return fc.dictionary(names as Arbitrary<string>, this.valid(schema.additionalProperties), {
      maxKeys: 3,
    });
  }

  /** A value that the schema refuses; `undefined` where it takes everything. */
  broken(schema: Json): Arbitrary<unknown> | undefined {
    const refused = [...ODD_VALUES, HUGE].filter(
      (value) => isOddText(value) || !this.isValid(schema, value),
    );
    return refused.length === 0 ? undefined : fc.constantFrom(...refused);
  }
}

/** Refused everywhere, as no database can hold it. */
function isOddText(value: unknown): boolean {
  return typeof value === 'string' && (value.includes('\0') || !value.isWellFormed());
}

function validText(schema: Json): Arbitrary<string> {
  if (schema.format === 'date-time')
    return fc
      .date({ noInvalidDate: true, min: new Date(0), max: new Date('2100-01-01') })
      .map((date) => date.toISOString());
  if (schema.format === 'date') return fc.constantFrom('2026-02-09', '2024-02-29');
  // A name that no resolver knows: nothing is sent anywhere.
  if (schema.format === 'uri')
    return fc.constantFrom('https://nobody.invalid/x', 'http://nobody.invalid:8080/a?b=c');
  if (schema.pattern) return fc.stringMatching(new RegExp(schema.pattern));
  const limits = {
    minLength: schema.minLength ?? 0,
    maxLength: Math.min(schema.maxLength ?? 20, 20),
  };
  const plain = fc.string({ unit: 'grapheme', ...limits }).filter((text) => !isOddText(text));
  return fc.oneof(
    { weight: 8, arbitrary: plain },
    { weight: 1, arbitrary: fc.constantFrom(...STRANGE_BUT_FINE) },
  );
}
