import type { Platform, Settings } from './account.js';
import type { Credentials } from './credentials.js';

/** Names one account at its provider: `id` is its `providerAccountId`. */
export interface AccountKey {
  readonly id: string;
}

/** Input of `list`: where the page begins. */
export interface ListInput {
  readonly cursor: string | undefined;
  readonly limit: number;
}

/** Input of `activity`. */
export interface ActivityInput extends AccountKey {
  readonly type: string | undefined;
  /** ISO date (UTC). */
  readonly date: string | undefined;
  readonly limit: number;
  readonly cursor: string | undefined;
}

/** One action that a provider performed for an account. */
export interface Activity {
  readonly id: string;
  readonly type: string;
  readonly status: string | null;
  readonly targetUsername: string | null;
  readonly targetPostId: string | null;
  readonly source: string | null;
  /** 0 to 1. */
  readonly qualityScore: number | null;
  readonly performedAt: string | null;
}

/** One day's engagement. `conversionRates` are fractions (0.22 is 22 %). */
export interface DailyStats {
  readonly date: string;
  readonly actions: Readonly<
    Record<
      string,
      { readonly performed: number; readonly limit: number; readonly remaining: number }
    >
  >;
  readonly totalActions: number | null;
  readonly conversionRates: Readonly<Record<string, number>>;
  readonly averageQualityScore: number | null;
  readonly nextActionAt: string | null;
  readonly resetsAt: string | null;
}

/**
 * Everything the gateway may ask of a provider: question → answer. Where the answer is an account
 * it is the provider's raw object (`unknown`): `Adapter.account` reads it, one item at a time, so
 * that one bad item spoils no page and the raw object can be kept.
 */
export interface Operations {
  /** `next`: the cursor of the page after this one; none where the list comes whole. */
  list(page: ListInput): {
    readonly items: readonly unknown[];
    readonly next?: string | undefined;
  };
  /**
   * Bulk health of all accounts; each item is joined to the list's by `Adapter.account.joinKey`.
   */
  health(all: Record<string, never>): { readonly items: readonly unknown[] };
  get(account: AccountKey): unknown;
  /**
   * What only a question about one account tells of it, such as its missing permissions: an object
   * that is laid under the list's item. A sweep asks it for a ration of the accounts that need it
   * (`Adapter.account.needsDetail`), a probe for its account.
   */
  detail(account: AccountKey): unknown;
  /** The cheapest call that shows whether the credential is accepted. */
  verify(nothing: Record<string, never>): true;
  create(account: {
    readonly platform: Platform;
    readonly username: string;
    readonly settings: Settings;
  }): unknown;
  /**
   * `settings` is whole: the current ones, as the provider wrote them, with the changes merged in.
   */
  update(change: AccountKey & { readonly settings: Settings }): unknown;
  pause(account: AccountKey): true;
  resume(account: AccountKey): true;
  activity(page: ActivityInput): {
    readonly items: readonly Activity[];
    readonly next: string | undefined;
  };
  stats(account: AccountKey): DailyStats;
  /** `redirectUrl` is given with an `oauth` flow, and may be with a `link`. */
  connectStart(flow: { readonly platform: Platform; readonly redirectUrl?: string }): {
    readonly authUrl: string;
  };
  connectComplete(flow: {
    readonly platform: Platform;
    readonly code: string;
    readonly redirectUrl: string;
  }): AccountKey;
  disconnect(account: AccountKey): true;
  /**
   * New credentials in place of those that expire. The refresh token is a credential too, sent by
   * `secretOf`. Refused, it makes the connection `credential_rejected`: see `errorBody.codes`.
   */
  refresh(nothing: Record<string, never>): {
    /** Those that have changed, by name. */
    readonly credentials: Credentials;
    /** Of the access token; `null`: the provider does not say. */
    readonly expiresInSeconds: number | null;
  };
}
export type OperationName = keyof Operations;
export type Input<Name extends OperationName> = Parameters<Operations[Name]>[0];
export type Output<Name extends OperationName> = ReturnType<Operations[Name]>;
