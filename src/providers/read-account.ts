import type { AnyAdapter, ObservedAccount } from '../model/index.js';
import { redactFields } from './redact.js';
import { firstIssue } from './translate-error.js';

/** One account as one look at its provider shows it. */
export interface AccountSighting {
  readonly account: ObservedAccount;
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
export function readAccount(adapter: AnyAdapter, raw: unknown, observedAt: Date, apiKey: string): AccountSighting | QuarantinedItem {
  if (!isObject(raw)) return { id: null, reason: 'the whole: not an object' };
  const parsed = adapter.account.schema.safeParse(raw);
  if (!parsed.success) return { id: idOf(adapter, raw), reason: firstIssue(parsed.error) };
  try {
    return { account: adapter.account.map(parsed.data, observedAt), remoteData: redactFields(raw, apiKey), observedAt };
  } catch (error) {
    // Values that a schema lets through and a mapping cannot take, such as a date that is none. Their text may be in the message.
    return { id: idOf(adapter, raw), reason: `the whole: cannot be mapped (${error instanceof Error ? error.name : 'unknown'})` };
  }
}

export function isSighting(reading: AccountSighting | QuarantinedItem): reading is AccountSighting {
  return 'account' in reading;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function idOf(adapter: AnyAdapter, raw: Record<string, unknown>): string | null {
  if (typeof raw.id === 'string' && raw.id !== '') return raw.id;
  return adapter.account.joinKey?.(raw) ?? null;
}
