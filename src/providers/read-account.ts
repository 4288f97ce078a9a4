import { unfitPart } from '../lib/text.js';
import { type AnyAdapter, NO_FACTS, type ObservedAccount } from '../model/index.js';
import { redact, redactFields } from './redact.js';
import { firstIssue } from './translate-error.js';

/**
 * What accounts are found by. An index entry of PostgreSQL holds 2,704 bytes, and no network has
 * names of this length.
 */
const INDEXED = ['providerAccountId', 'platform', 'platformUserId', 'username'] as const;
const MAX_NAME_LENGTH = 500;

/** One account as one look at its provider shows it. */
export interface Observation {
  readonly account: Required<ObservedAccount>;
  /** The provider's own object, redacted. */
  readonly remoteData: Record<string, unknown>;
  /** The instant before the provider was asked. */
  readonly observedAt: Date;
}

/** An item that is no account: it is set aside, and the others land. */
export interface QuarantinedItem {
  /** As far as it can be told. */
  readonly id: string | null;
  /** Names the field and what is wrong with it; holds no value of it. */
  readonly reason: string;
}

/** Reads a provider's raw account; `observedAt` is the instant before it was asked. */
export function readAccount(
  adapter: AnyAdapter,
  raw: unknown,
  observedAt: Date,
  apiKey: string,
): Observation | QuarantinedItem {
  if (!isObject(raw)) return { id: null, reason: 'item: not an object' };
  const unfit = unfitPart(raw);
  if (unfit !== undefined)
    return { id: idOf(adapter, raw), reason: `${unfit.path || 'item'}: ${unfit.reason}` };
  const parsed = adapter.account.schema.safeParse(raw);
  if (!parsed.success) return { id: idOf(adapter, raw), reason: firstIssue(parsed.error) };
  try {
    const mapped = { ...NO_FACTS, ...adapter.account.map(parsed.data, observedAt) };
    const account = redact(mapped, apiKey) as typeof mapped;
    const overlong = INDEXED.find((field) => (account[field]?.length ?? 0) > MAX_NAME_LENGTH);
    if (overlong !== undefined)
      return {
        id: idOf(adapter, raw),
        reason: `${overlong}: is longer than ${MAX_NAME_LENGTH} characters`,
      };
    return { account, remoteData: redactFields(raw, apiKey), observedAt };
  } catch (error) {
    // Values that a schema lets through and a mapping cannot take, such as a date that is none.
    // Their text may be in the message.
    return {
      id: idOf(adapter, raw),
      reason: `item: cannot be mapped (${error instanceof Error ? error.name : 'unknown'})`,
    };
  }
}

export function isObservation(reading: Observation | QuarantinedItem): reading is Observation {
  return 'account' in reading;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function idOf(adapter: AnyAdapter, raw: Record<string, unknown>): string | null {
  if (typeof raw.id === 'string' && raw.id !== '') return raw.id;
  return adapter.account.joinKey?.(raw) ?? null;
}
