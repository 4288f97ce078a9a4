import { ACCOUNT_COLUMNS, type AccountColumn } from '../model/index.js';

/**
 * Builds something for each field of the Account, in order; fields such as `health.token_valid`
 * are grouped into one.
 * @param one what stands for a field
 * @param group what stands for the fields of a group together
 */
export function assembleAccount<Value>(
  one: (column: AccountColumn, name: string) => Value,
  group: (members: Readonly<Record<string, Value>>, name: string) => Value,
): Record<string, Value> {
  const groups = new Map<string, Record<string, Value>>();
  const fields = new Map<string, () => Value>();
  for (const column of ACCOUNT_COLUMNS) {
    if (column.name === null) continue;
    const value = one(column, column.name);
    const [name = '', member] = column.name.split('.');
    if (member === undefined) {
      fields.set(name, () => value);
      continue;
    }
    const members = groups.get(name) ?? {};
    groups.set(name, members);
    members[member] = value;
    fields.set(name, () => group(members, name));
  }
  return Object.fromEntries([...fields].map(([name, build]) => [name, build()]));
}

/** The short form of the health list. */
const ACCOUNT_HEALTH_FIELDS = [
  'id',
  'ref',
  'provider',
  'platform',
  'username',
  'status',
  'health',
] as const;

/** The fields of the short form. */
export function healthFieldsOf<Value>(
  fields: Readonly<Record<string, Value>>,
): Record<string, Value> {
  return Object.fromEntries(
    Object.entries(fields).filter(([name]) =>
      (ACCOUNT_HEALTH_FIELDS as readonly string[]).includes(name),
    ),
  );
}
