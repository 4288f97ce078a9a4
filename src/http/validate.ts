import { z } from 'zod';
import { findUnstorable } from '../lib/text.js';
import { sayIssue } from './issue-message.js';
import { type FieldError, invalidField, invalidFields } from './problem.js';

const NAMELESS_LABEL = 'must name the key of a label: label[key]=value';

/**
 * Checks `given` against `schema`.
 * @param kind what a field is called in the message about an unknown one
 * @param parent the field that holds `given`, where it is not the whole
 * @throws Problem 422 naming every field that is wrong
 */
export function validate<Schema extends z.ZodType>(
  schema: Schema,
  given: unknown,
  kind: 'path parameter' | 'query parameter' | 'body field' | 'setting' | 'credential' | 'argument',
  parent?: string,
): z.output<Schema> {
  const unstorable = findUnstorable(given);
  if (unstorable !== undefined) throw invalidField(unstorable.path, unstorable.reason);
  const result = schema.safeParse(given, { error: sayIssue });
  if (result.success) return result.data;
  throw invalidFields(
    withoutMeasures(result.error.issues).flatMap((issue) =>
      fieldErrors(issue, kind, parent, schema),
    ),
  );
}

/** Of a field of another type that says enough: a text in place of a list is not too long, too. */
function withoutMeasures(issues: readonly z.core.$ZodIssue[]): readonly z.core.$ZodIssue[] {
  const isOfType = ({ code }: z.core.$ZodIssue) => code === 'invalid_type';
  const mistaken = new Set(issues.filter(isOfType).map(({ path }) => path.join('.')));
  return issues.filter((issue) => isOfType(issue) || !mistaken.has(issue.path.join('.')));
}

function fieldErrors(
  issue: z.core.$ZodIssue,
  kind: string,
  parent: string | undefined,
  schema: z.ZodType,
): FieldError[] {
  const path = parent === undefined ? issue.path : [parent, ...issue.path];
  // A query parameter has no parts: what is wrong with one of its values is wrong with it.
  const field = kind === 'query parameter' ? nameOfParameter(path) : path.join('.');
  if (kind === 'query parameter' && field === 'label' && issue.code === 'invalid_type')
    return [{ field, message: NAMELESS_LABEL }];
  if (issue.code !== 'unrecognized_keys') return [{ field, message: issue.message }];
  const known = namesOf(issue.path.reduce<unknown>(partOf, schema)).map((name) =>
    kind === 'query parameter' && name === 'label' ? 'label[key]' : name,
  );
  const message = `unknown ${kind}${known.length > 0 ? `; known: ${known.join(', ')}` : ''}`;
  return issue.keys.map((key) => ({ field: field === '' ? key : `${field}.${key}`, message }));
}

/** The schema within those that only say when it may be left out, or what comes of its value. */
function bare(schema: unknown): unknown {
  if (schema instanceof z.ZodPipe) return bare(schema.def.in);
  const wraps = schema instanceof z.ZodOptional || schema instanceof z.ZodDefault;
  return wraps || schema instanceof z.ZodNullable ? bare(schema.def.innerType) : schema;
}

function partOf(schema: unknown, name: PropertyKey): unknown {
  const whole = bare(schema);
  if (whole instanceof z.ZodArray) return whole.element;
  return whole instanceof z.ZodObject ? whole.shape[name as string] : undefined;
}

function namesOf(schema: unknown): string[] {
  const whole = bare(schema);
  return whole instanceof z.ZodObject ? Object.keys(whole.shape) : [];
}

function nameOfParameter([name = '', part]: readonly PropertyKey[]): string {
  return name === 'label' && part !== undefined ? `label[${String(part)}]` : String(name);
}

/**
 * A query as an object. `label[brand]=acme` becomes `{label: {brand: 'acme'}}`.
 * @throws Problem 422 for a parameter that is given more than once
 */
export function readQuery(search: URLSearchParams): Record<string, unknown> {
  const query: Record<string, unknown> = Object.create(null);
  const labels: Record<string, string> = Object.create(null);
  for (const [name, value] of search) {
    const label = /^label\[(?!__proto__\])(.+)\]$/.exec(name)?.[1];
    const target = label === undefined ? query : labels;
    const key = label ?? name;
    if (key in target) throw invalidField(name, 'is given more than once');
    target[key] = value;
  }
  if (Object.keys(labels).length > 0) {
    if ('label' in query) throw invalidField('label', NAMELESS_LABEL);
    query.label = labels;
  }
  return query;
}

/** `a,b` → `['a', 'b']`, each checked against `item`. */
export const commaSeparated = <Item extends z.ZodType<unknown, string>>(item: Item) =>
  z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(item).max(100))
    .meta({
      wire: {
        type: 'array',
        items: withoutComma(z.toJSONSchema(item, { io: 'input' })),
        minItems: 1,
        maxItems: 100,
      },
    });

/** A value among others holds no comma. */
function withoutComma({ $schema: _dialect, ...item }: z.core.JSONSchema.BaseSchema) {
  const saysSo = item.enum !== undefined || item.pattern !== undefined;
  return saysSo ? item : { ...item, pattern: '^[^,]+$' };
}

/**
 * An id of ours by which a list is filtered: anything else is refused, as no row could have it.
 * @param what it is the id of, with its article
 */
export const idOf = (prefix: string, what: string) =>
  z
    .string()
    .max(200)
    .regex(
      new RegExp(`^${prefix}_[^,]+$`),
      `must be the id of ${what}, such as ${prefix}_01k9z3m8q4v7x2c5n6b8a1s3d4`,
    );

/** What an account is named by: its id, or as providers call it. */
const ACCOUNT_REFERENCE =
  'its id, a ref such as `outfame:acc_7Gx2kLm9Qr` (percent-encoded), or a provider id that is unique in the team';

/** The query parameter of one account; whether there is one shows when it is looked for. */
export const accountParameter = (description: string) =>
  z
    .string()
    .min(1)
    .max(2000)
    .optional()
    .meta({
      description: `${description}: ${ACCOUNT_REFERENCE}.`,
      examples: ['acct_01k9z3m8q4v7x2c5n6b8a1s3d4'],
    });

export const RFC_3339 = 'an RFC 3339 time such as 2026-02-09T11:45:22Z';

/**
 * @throws Problem 422 for what was meant as a time where a cursor is expected, which would be told
 * as an altered cursor
 * @param accepted what the parameter takes
 */
export function refuseTime(parameter: string, given: string | undefined, accepted: string): void {
  if (given !== undefined && /^[+-]?\d+(?:[-/:]|\.\d|$)/.test(given))
    throw invalidField(parameter, `must be ${accepted}`);
}

export const time = z.iso
  .datetime({ offset: true, error: `must be ${RFC_3339}` })
  .transform((text) => new Date(text))
  // With its offset applied a time may leave the years that RFC 3339 and PostgreSQL can write.
  .refine(
    (instant) => /^(?!0000)\d{4}-/.test(instant.toISOString()),
    'must be within the years 1 to 9999',
  );

/**
 * A name or word a person types: blanks at its ends are dropped, and something must be left. It is
 * read as it is written, so that nobody takes it for another one: without embeddings, overrides and
 * isolates, though with the marks that texts from right to left need.
 */
export function words(longest: number) {
  return z
    .string()
    .max(longest)
    .regex(
      /^[^\u202a-\u202e\u2066-\u2069]*[^\s\u202a-\u202e\u2066-\u2069][^\u202a-\u202e\u2066-\u2069]*$/,
      'must not be blank, nor contain characters that turn the direction of text',
    )
    .trim();
}

/** A whole number in decimal digits. */
export function wholeNumber(least: number, most: number) {
  const error = `must be a whole number from ${least} to ${most}`;
  return z
    .string()
    .regex(/^\d{1,15}$/, error)
    .transform(Number)
    .pipe(z.number({ error }).min(least, error).max(most, error))
    .meta({ wire: { type: 'integer', minimum: least, maximum: most } });
}

/** A parameter that is `true` or `false`. */
export const yesOrNo = z
  .enum(['true', 'false'])
  .transform((text) => text === 'true')
  .meta({ wire: { type: 'boolean' } });

/** The parameters of every list. */
export const paging = {
  limit: wholeNumber(1, 200)
    .default(50)
    .meta({ description: 'Maximum number of items on the page.' }),
  cursor: z.string().min(1).max(2000).optional().meta({
    description:
      '`pagination.next_cursor` of the previous page. Use it with the same filters and sort order.',
  }),
  include_total: yesOrNo.default(false).meta({ description: 'Adds `pagination.total_count`.' }),
};

/** The path parameter of a resource with an id of ours. */
export const byId = z.object({
  id: z
    .string()
    .meta({ description: 'Id of the resource.', examples: ['01k9z3m8q4v7x2c5n6b8a1s3d4'] }),
});

/** The path parameter of an account. */
export const byAccount = z.object({
  id: z.string().meta({
    description: `The account: ${ACCOUNT_REFERENCE}.`,
    examples: ['acct_01k9z3m8q4v7x2c5n6b8a1s3d4'],
  }),
});
