import { z } from 'zod';
import { isObject } from '../lib/is-object.js';
import { cleanJson, cleanText, lengthUpTo, storable } from '../lib/text.js';
import {
  ACCOUNT_COLUMNS,
  type AnyAdapter,
  completed,
  type ObservedAccount,
  UNREADABLE,
} from '../model/index.js';
import { holdsSecret, redact, redactFields, redactValue } from './redact.js';
import type { SettingsText } from './settings-text.js';
import { firstIssue } from './translate-error.js';

/** An index entry of PostgreSQL holds 2,704 bytes. */
const MAX_ID_BYTES = 1_024;
const MAX_SHOWN_ID_LENGTH = 200;
const MAX_EXAMPLE_LENGTH = 80;
/** Of the provider's raw object, as JSON. */
const MAX_REMOTE_DATA_BYTES = 64 * 1_024;
/** Of a character in JSON: an escape such as `\u0001`. */
const MAX_CHARACTER_BYTES = 6;
/** Of a larger object so much is looked at to find what can be kept. */
const MAX_LOOKED_AT_BYTES = 1_024 * 1_024;

/** A field of an account that could not be read as it came. */
export interface DegradedField {
  /** Its name on the wire. */
  readonly field: string;
  /** What it held: short, redacted, storable. */
  readonly example: string;
}

/**
 * What a look covered: all that the provider tells of the account; the list alone, as the report of
 * its health failed; that report alone, as the list lacks the account; or a part, as what is told of
 * the account alone was not asked for or failed. What is stored of the rest stays.
 */
export type Coverage = 'whole' | 'list' | 'health' | 'part';

/** One account as one look at its provider shows it. */
export interface Observation {
  readonly account: Required<ObservedAccount>;
  /** The fields that `account` lacks, or has cleaned, as they could not be read. */
  readonly degraded: readonly DegradedField[];
  /** The provider's own object, redacted; large members are left out, with a note in their place. */
  readonly remoteData: Record<string, unknown>;
  /** The instant before the provider was asked. */
  readonly observedAt: Date;
  readonly coverage: Coverage;
  /** Reads its settings as the provider wrote them; there where it was asked for this account alone. */
  readonly settingsText?: () => SettingsText;
}

/** An item whose id cannot be read: it is set aside, and the others land. */
export interface QuarantinedItem {
  /** `null` when it cannot be read. */
  readonly id: string | null;
  /** Names the field and what is wrong with it; holds no value of it. */
  readonly reason: string;
}

/**
 * Reads a provider's raw account field by field: one that cannot be read is `null` and degraded,
 * and costs the account nothing else. `observedAt` is the instant before the provider was asked.
 */
export function readAccount(
  adapter: AnyAdapter,
  raw: unknown,
  observedAt: Date,
  secrets: readonly string[],
): Observation | QuarantinedItem {
  if (!isObject(raw)) return { id: null, reason: 'item: not an object' };
  const { schema, map } = adapter.account;
  const { wire, issue, unreadable } = readFields(schema, raw, secrets);
  if (issue !== undefined) return { id: idOf(adapter, raw, secrets), reason: issue };
  try {
    const account = completed(map(wire, observedAt, unreadable));
    noteUntold(adapter, account, raw, unreadable);
    const refusal = refusalOfId(account.providerAccountId, secrets);
    if (refusal !== undefined) return { id: idOf(adapter, raw, secrets), reason: refusal };
    return {
      account: shown(account, secrets),
      degraded: [...unreadable].map(([field, example]) => ({ field, example })),
      remoteData: remoteDataOf(raw, secrets),
      observedAt,
      coverage: 'whole',
    };
  } catch (error) {
    // Values that a schema accepts and a mapping cannot use, such as an invalid date.
    // Their text may be in the message.
    return {
      id: idOf(adapter, raw, secrets),
      reason: `item: cannot be mapped (${error instanceof Error ? error.name : 'unknown'})`,
    };
  }
}

/** A verdict that cannot be read without a field that was unreadable lacks one that is not told. */
function noteUntold(
  { account: { deciding } }: AnyAdapter,
  { verdict }: ObservedAccount,
  raw: Record<string, unknown>,
  unreadable: Map<string, string>,
): void {
  if (verdict.reason !== UNREADABLE.reason || deciding.some((field) => unreadable.has(field)))
    return;
  for (const field of deciding) if (raw[field] == null) unreadable.set(field, 'null');
}

interface FieldsRead {
  readonly wire: unknown;
  /** What the id's field is refused for. */
  readonly issue?: string;
  /** By the fields' names, with what they held. */
  readonly unreadable: Map<string, string>;
}

/** Reads again and again without the fields that are refused, until none is or the id's stays so. */
function readFields(
  schema: z.ZodType,
  raw: Record<string, unknown>,
  secrets: readonly string[],
): FieldsRead {
  const unreadable = new Map<string, string>();
  const given = { ...raw };
  const leaveOut = (field: string, instead: unknown) => {
    given[field] = unreadable.has(field) ? null : instead;
    unreadable.set(field, exampleOf(field, raw[field], secrets));
  };
  for (const field of fieldsWithSecret(schema, raw, secrets)) leaveOut(field, null);
  for (;;) {
    const parsed = schema.safeParse(given);
    if (parsed.success) return { wire: parsed.data, unreadable };
    const refused = new Map(parsed.error.issues.map((issue) => [String(issue.path[0]), issue]));
    if ([...refused.keys()].some((field) => given[field] == null))
      return { wire: null, issue: firstIssue(parsed.error), unreadable };
    for (const [field, issue] of refused)
      leaveOut(field, issue.code === 'custom' ? (issue.params?.instead ?? null) : null);
  }
}

/** Texts that echo our secrets are none of the account; an address may, as the secret is cut from it. */
function fieldsWithSecret(
  schema: z.ZodType,
  raw: Record<string, unknown>,
  secrets: readonly string[],
): readonly string[] {
  return Object.keys(schema instanceof z.ZodObject ? schema.shape : raw).filter((field) => {
    const value = raw[field];
    return typeof value === 'string' && !value.includes('://') && holdsSecret(value, secrets);
  });
}

function exampleOf(field: string, value: unknown, secrets: readonly string[]): string {
  if (lengthUpTo(value, MAX_REMOTE_DATA_BYTES) > MAX_REMOTE_DATA_BYTES)
    return `[longer than ${MAX_REMOTE_DATA_BYTES} bytes]`;
  const shown = redactFields({ [field]: cleanJson(value) }, secrets)[field];
  const text = typeof shown === 'string' ? shown : JSON.stringify(shown);
  // A text of nothing but NULs is told as the escapes that JSON has for them, never as an empty one.
  const trimmed = text.trim() || JSON.stringify(value);
  return trimmed.length <= MAX_EXAMPLE_LENGTH
    ? trimmed
    : cleanText(`${trimmed.slice(0, MAX_EXAMPLE_LENGTH - 1)}…`);
}

function refusalOfId(id: string, secrets: readonly string[]): string | undefined {
  if (Buffer.byteLength(id) > MAX_ID_BYTES) return `id: is longer than ${MAX_ID_BYTES} bytes`;
  return holdsSecret(id, secrets) ? 'id: contains a secret of the connection' : undefined;
}

/** The fields of `ObservedAccount` that are names. */
const NAMES = new Set(
  ACCOUNT_COLUMNS.flatMap(({ observed, isName }) =>
    isName && observed !== null ? [observed] : [],
  ),
);

/** The account itself, as it may be shown: redacted, but for its id and names. */
function shown(
  account: Required<ObservedAccount>,
  secrets: readonly string[],
): Required<ObservedAccount> {
  const changed: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(account)) {
    if (field === 'providerAccountId') continue;
    const clean =
      NAMES.has(field) && typeof value === 'string'
        ? shownName(value, secrets)
        : redact(value, secrets);
    if (clean !== value) changed[field] = clean;
  }
  return Object.assign(account, changed);
}

/** A name that is an address is redacted, and one that echoes a secret of ours is none. */
function shownName(name: string, secrets: readonly string[]): string | null {
  if (holdsSecret(name, secrets)) return null;
  return name.includes('://') ? redactValue(name, secrets) : name;
}

const leftOut = (bytes: number | string) => `[left out: ${bytes} bytes]`;
const bytesOf = (value: unknown) => Buffer.byteLength(JSON.stringify(value));

/** The raw object as it is kept: its largest members give way to a note where it is too large. */
function remoteDataOf(
  raw: Record<string, unknown>,
  secrets: readonly string[],
): Record<string, unknown> {
  const length = lengthUpTo(raw, MAX_REMOTE_DATA_BYTES);
  const data = redactFields(
    cleanJson(length > MAX_REMOTE_DATA_BYTES ? withoutLarge(raw) : raw) as Record<string, unknown>,
    secrets,
  );
  if (length * MAX_CHARACTER_BYTES <= MAX_REMOTE_DATA_BYTES) return data;
  let bytes = bytesOf(data);
  if (bytes <= MAX_REMOTE_DATA_BYTES) return data;
  const kept = { ...data };
  const sizes = Object.entries(data).map(([name, value]) => [name, bytesOf(value)] as const);
  for (const [name, size] of sizes.sort(([, one], [, other]) => other - one)) {
    if (bytes <= MAX_REMOTE_DATA_BYTES) return kept;
    const note = leftOut(size);
    kept[name] = note;
    bytes -= size - bytesOf(note);
  }
  return bytes <= MAX_REMOTE_DATA_BYTES ? kept : { left_out: leftOut(bytesOf(data)) };
}

/**
 * The raw object with a note in place of members that are too large to be kept, and of those that
 * come after a good deal of others: no more of it is looked at.
 */
function withoutLarge(raw: Record<string, unknown>): Record<string, unknown> {
  let left = MAX_LOOKED_AT_BYTES;
  const members = Object.entries(raw).map(([name, value]) => {
    const most = Math.min(left, MAX_REMOTE_DATA_BYTES);
    const length = lengthUpTo(value, most);
    left -= Math.min(length, left);
    return [name, length > most ? leftOut(`more than ${most}`) : value];
  });
  return Object.fromEntries(members);
}

/** Whether an item could be read, and is not quarantined. */
export function isObservation(reading: Observation | QuarantinedItem): reading is Observation {
  return 'account' in reading;
}

/** The id that an item shows; `null` when it shows none. */
export function givenId(adapter: AnyAdapter, raw: Record<string, unknown>): string | null {
  const given = adapter.account.id(raw);
  if (Number.isSafeInteger(given)) return String(given);
  return typeof given === 'string' && given !== '' ? given : null;
}

/** The item's id, safe to show. A shortened one belongs to no stored account. */
function idOf(
  adapter: AnyAdapter,
  raw: Record<string, unknown>,
  secrets: readonly string[],
): string | null {
  const found = givenId(adapter, raw);
  if (found === null || holdsSecret(found, secrets)) return null;
  const id = storable(found);
  return id.length <= MAX_SHOWN_ID_LENGTH ? id : `${id.slice(0, MAX_SHOWN_ID_LENGTH)}…`;
}
