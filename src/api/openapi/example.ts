import type { JsonSchema, SchemaCollection } from './json-schema.js';

const ULID = '01k9z3m8q4v7x2c5n6b8a1s3d4';

/** Example values by member name, for all schemas. A schema's own `examples` take precedence. */
const BY_NAME: Readonly<Record<string, unknown>> = {
  account_id: `acct_${ULID}`,
  after: `evt_${ULID}`,
  avatar_url: null,
  connection_id: `conn_${ULID}`,
  cursor:
    '498729.WyJhY2N0XzAxazl6M204cTR2N3gyYzVuNmI4YTFzM2Q0Il0.QAl4y2XkW6fs2lk3_ONmkZgHlcHAuX7aImefvJoR4kM',
  delivery_id: `dlv_${ULID}`,
  detail: 'Account acct_1 does not exist, or belongs to another team. Check the id.',
  display_name: 'Acme',
  id: ULID,
  key_id: `key_${ULID}`,
  labels: { brand: 'acme' },
  name: 'acme',
  platform: 'instagram',
  platform_user_id: '17841400123456789',
  profile_id: `prof_${ULID}`,
  profile_url: 'https://www.instagram.com/yourhandle',
  provider: 'outfame',
  provider_account_id: 'acc_7Gx2kLm9Qr',
  q: 'acme',
  ref: 'outfame:acc_7Gx2kLm9Qr',
  request_id: `req_${ULID}`,
  since: '2026-02-09T11:45:22.000Z',
  settings: { daily_limits: { like: 100 } },
  username: 'yourhandle',
};

const BY_FORMAT: Readonly<Record<string, string>> = {
  'date-time': '2026-02-09T11:45:22.000Z',
  date: '2026-02-09',
  uri: 'https://example.com/',
};

/**
 * An example that fits a schema: what it declares, what its members are named after, else the
 * simplest value.
 */
export function exampleOf(given: JsonSchema, schemas: SchemaCollection, name = ''): unknown {
  const schema = schemas.resolve(given);
  const declared = (schema.examples as readonly unknown[] | undefined)?.[0];
  if (declared !== undefined) return declared;
  if ('const' in schema) return schema.const;
  if (Array.isArray(schema.enum)) return schema.enum[0];
  const choices = (schema.anyOf ?? schema.oneOf) as readonly JsonSchema[] | undefined;
  const byName = BY_NAME[name];
  if (byName !== undefined && fits(byName, schema, choices)) return byName;
  if (choices) return exampleOf(choices[0] ?? {}, schemas, name);
  if ('default' in schema) return schema.default;
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (type === 'object') return exampleOfObject(schema, schemas);
  if (type === 'array')
    return schema.items === undefined ? [] : [exampleOf(schema.items as JsonSchema, schemas, name)];
  if (type === 'string') return BY_FORMAT[schema.format as string] ?? (name || 'text');
  if (type === 'integer' || type === 'number') return Math.max(1, Number(schema.minimum ?? 1));
  return type === 'boolean' ? true : null;
}

function exampleOfObject(schema: JsonSchema, schemas: SchemaCollection): Record<string, unknown> {
  const required = new Set(schema.required);
  const members = Object.entries(schema.properties ?? {}).filter(([name]) => required.has(name));
  return Object.fromEntries(
    members.map(([name, member]) => [name, exampleOf(member, schemas, name)]),
  );
}

/** Whether the named value is of a type that the schema takes. */
function fits(
  value: unknown,
  schema: JsonSchema,
  choices: readonly JsonSchema[] | undefined,
): boolean {
  if (schema.format !== undefined) return false;
  if (typeof schema.pattern === 'string' && !new RegExp(schema.pattern, 'u').test(String(value)))
    return false;
  const types = (choices ?? [schema]).flatMap(({ type }) => type ?? []);
  return types.includes(value === null ? 'null' : typeof value);
}
