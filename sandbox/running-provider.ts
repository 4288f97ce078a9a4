import { Accounts, type SavedAccounts } from './accounts.js';
import { type Fault, Faults } from './faults.js';
import { type Answer, type Fields, type Question, Refused } from './message.js';
import type { Provider, ProviderName, ProviderSettings, RefusalReason, Route } from './provider.js';
import { type Quota, RateWindow } from './rate-window.js';
import { findRoute, type MatchedRoute } from './routes.js';
import { type SeenRequest, Traffic } from './traffic.js';

/** Generous, so that no import of any size is slowed until a test asks for it. */
const DEFAULT_SETTINGS: ProviderSettings = {
  latency_ms: 0,
  requests_per_minute: 120_000,
  setup_ms: 5_000,
  account_limit: null,
};

/** What outlives a restart. */
export interface SavedProvider {
  readonly key: string;
  readonly accounts: SavedAccounts;
}

/** Where reports go, and the secret that signs them. */
interface ReportTarget {
  readonly url: string;
  readonly secret: string;
}

/** The counts that the control route shows. */
export interface ProviderCounts {
  readonly requests: number;
  readonly by_operation: Readonly<Record<string, number>>;
  readonly faults: readonly (Fault & { readonly id: string; readonly struck: number })[];
  readonly accounts: number;
  readonly deletes: Readonly<
    Record<string, { readonly calls: number; readonly effective: number }>
  >;
}

/** One provider at work: its accounts, key, settings, faults and the traffic it has seen. */
export class RunningProvider {
  readonly definition: Provider;
  readonly accounts: Accounts;
  readonly faults = new Faults();
  readonly traffic = new Traffic();
  readonly #window = new RateWindow(60_000);
  readonly #onChange: () => void;
  #key: string;
  #settings = DEFAULT_SETTINGS;

  /** `onChange` is called after each change that must outlive a restart. */
  constructor(definition: Provider, generatedAccounts: number, onChange: () => void) {
    this.definition = definition;
    this.accounts = new Accounts(definition.source(generatedAccounts, new Date()));
    this.#key = definition.defaultKey;
    this.#onChange = onChange;
  }

  get apiKey(): string {
    return this.#key;
  }

  /** The `Authorization` header that is let in. */
  get authorization(): string {
    const { authorization = (key: string) => `Bearer ${key}` } = this.definition;
    return authorization(this.#key);
  }

  get settings(): ProviderSettings {
    return this.#settings;
  }

  /** From now on only this key is good. */
  setKey(key: string): void {
    this.#key = key;
    this.#onChange();
  }

  changeSettings(change: Partial<ProviderSettings>): void {
    this.#settings = { ...this.#settings, ...change };
    this.#window.reset(Date.now());
  }

  account(id: string): Fields | undefined {
    this.accounts.settle(new Date());
    return this.accounts.get(id);
  }

  /**
   * Changes an account behind the gateway's back, brings a removed one back, or makes one out of
   * defaults and the fields.
   */
  putAccount(id: string, fields: Fields): Fields {
    this.accounts.settle(new Date());
    this.accounts.cancelLater(id);
    this.accounts.put(
      id,
      this.accounts.knows(id) ? fields : { ...this.definition.blank(id, new Date()), ...fields },
    );
    this.#onChange();
    return this.accounts.get(id) ?? {};
  }

  /** Makes an account vanish; false where there is none. Not counted among the deletes. */
  removeAccount(id: string): boolean {
    const isRemoved = this.accounts.remove(id);
    if (isRemoved) this.#onChange();
    return isRemoved;
  }

  /**
   * Reports an event of an account to an address.
   * @returns the status of the answer; `null` where the provider reports nothing, or has no such account
   */
  async report(id: string, event: string, to: ReportTarget): Promise<number | null> {
    const account = this.account(id);
    const report = account && this.definition.report?.(event, account, to.secret, new Date());
    if (!report) return null;
    const headers = { 'content-type': 'application/json', ...report.headers };
    return (await fetch(to.url, { method: 'POST', headers, body: report.body })).status;
  }

  counts(): ProviderCounts {
    return {
      requests: this.traffic.requests,
      by_operation: Object.fromEntries(this.traffic.byOperation),
      faults: this.faults.list().map(({ id, fault, struck }) => ({ ...fault, id, struck })),
      accounts: this.accounts.size,
      deletes: Object.fromEntries(this.traffic.deletes),
    };
  }

  /** Back to the state of a first start. */
  reset(): void {
    this.restore({
      key: this.definition.defaultKey,
      accounts: { created: [], removed: [], changes: [], scheduled: [] },
    });
    this.#settings = DEFAULT_SETTINGS;
    this.#window.reset(Date.now());
    this.faults.clear();
    this.traffic.clear();
    this.#onChange();
  }

  save(): SavedProvider {
    return { key: this.#key, accounts: this.accounts.save() };
  }

  restore(saved: SavedProvider): void {
    this.#key = saved.key;
    this.accounts.restore(saved.accounts);
  }

  /** Does what the request asks and answers it, all without faults. */
  answer(question: Question, request: SeenRequest): Answer {
    const now = new Date();
    const match = findRoute(this.definition.routes, question.method, question.segments);
    const before = this.accounts.revision;
    this.accounts.settle(now);
    const settled = this.accounts.revision;
    const answer = this.#attempt(question, match, now);
    request.effective = this.accounts.revision !== settled;
    if (this.accounts.revision !== before) this.#onChange();
    return answer;
  }

  /** The provider's own refusal, with all the headers it puts on an answer. */
  refusal(reason: RefusalReason, question: Question, retryAfter: number): Answer {
    const quota = this.#quota();
    return this.definition.finish(
      this.definition.refuse(reason, { question, quota, retryAfter }),
      question,
      quota,
    );
  }

  #attempt(
    question: Question,
    match: MatchedRoute<Route> | 'unknown_path' | 'wrong_method',
    now: Date,
  ): Answer {
    try {
      if (typeof match === 'object' && match.route.open) {
        return this.definition.finish(this.#handle(question, match, now), question, undefined);
      }
      const reason = this.#objection(question, now);
      if (reason) return this.refusal(reason, question, this.#secondsToReset());
      this.definition.admit?.(question);
      if (typeof match === 'string') return this.refusal(match, question, 0);
      return this.definition.finish(this.#handle(question, match, now), question, this.#quota());
    } catch (error) {
      if (error instanceof Refused)
        return this.definition.finish(error.answer, question, this.#quota());
      throw error;
    }
  }

  #objection(question: Question, now: Date): RefusalReason | undefined {
    const header = question.headers.authorization;
    if (header === undefined) return 'missing_key';
    if (header !== this.authorization) return 'invalid_key';
    return this.#window.take(this.#settings.requests_per_minute, now.getTime())
      ? undefined
      : 'rate_limited';
  }

  #handle(question: Question, { route, params }: MatchedRoute<Route>, now: Date): Answer {
    return route.handle({
      question,
      params,
      accounts: this.accounts,
      settings: this.#settings,
      now,
    });
  }

  #quota(): Quota {
    return this.#window.quota(this.#settings.requests_per_minute, Date.now());
  }

  #secondsToReset(): number {
    return Math.max(1, Math.ceil((this.#quota().resetAt - Date.now()) / 1000));
  }
}

export type Providers = ReadonlyMap<ProviderName, RunningProvider>;
