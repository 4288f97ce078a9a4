import { isObject } from '../lib/is-object.js';
import { mapInTurns } from '../lib/long-task.js';
import { type AnyAdapter, ProviderError, type ProviderErrorCode } from '../model/index.js';
import type { ProviderConnection } from './connection.js';
import { type CallContext, type Executor, execute } from './execute.js';
import { minuteShare } from './rate-limit.js';
import { givenId, type Observation } from './read-account.js';

/** Which items are asked about by themselves: a ration of them all, one of them, or none. */
export type DetailChoice = 'rationed' | { readonly id: string } | 'none';

/** An item with what was told of it alone laid under it. */
interface DetailedItem {
  readonly item: unknown;
  /** It needs a detail, and that is not there: what is stored of it stays. */
  readonly isPart: boolean;
}

/** The share of a provider's minute that one sweep may spend on details. */
const SHARE = 0.2;
const MIN_ASKED = 20;

/** After these the next question would fare no better. */
const HOPELESS: ReadonlySet<ProviderErrorCode> = new Set([
  'circuit_open',
  'rate_limited',
  'credential_rejected',
]);

/** What an adapter asks for item by item, where its list does not tell it, in one walk. */
export class Details {
  private left: number;
  private isHopeless = false;
  /** How many items have needed a detail so far. */
  private needed = 0;

  constructor(
    private readonly executor: Executor,
    private readonly adapter: AnyAdapter,
    private readonly connection: ProviderConnection,
    private readonly context: CallContext,
    private readonly choice: DetailChoice,
  ) {
    this.left = minuteShare(adapter.limits, SHARE, MIN_ASKED);
  }

  /**
   * The items of a page with their details.
   * @param joined an item as its account is read: with its health item
   */
  async of(
    items: readonly unknown[],
    joined: (item: unknown) => unknown,
  ): Promise<readonly DetailedItem[]> {
    const detailed: DetailedItem[] = await mapInTurns(items, (item) => ({
      item,
      isPart: this.isNeeded(joined(item)),
    }));
    const chosen = detailed.flatMap(({ item, isPart }, index) => {
      const id = isPart && isObject(item) ? givenId(this.adapter, item) : null;
      return id !== null && this.isChosen(id) ? [{ index, id }] : [];
    });
    const { concurrency } = this.adapter.limits;
    for (let at = 0; at < chosen.length; at += concurrency)
      await Promise.all(
        chosen.slice(at, at + concurrency).map(async ({ index, id }) => {
          const detail = this.isHopeless ? undefined : await this.ask(id);
          const item = items[index];
          if (isObject(detail) && isObject(item))
            detailed[index] = { item: { ...detail, ...item }, isPart: false };
        }),
      );
    return detailed;
  }

  /** Has the next walk spread its ration over as many items as needed one in this. */
  end(): void {
    if (this.choice === 'rationed')
      this.executor.runtime.detailsNeeded.set(this.connection.id, this.needed);
  }

  private isNeeded(joined: unknown): boolean {
    const { account, operations } = this.adapter;
    if (operations.detail === undefined || !isObject(joined)) return false;
    if (account.needsDetail?.(joined) === false) return false;
    this.needed += 1;
    return true;
  }

  /** By chance, so that all have their turn though every walk begins with the same page. */
  private isChosen(id: string): boolean {
    if (this.choice === 'none') return false;
    if (this.choice !== 'rationed') return this.choice.id === id;
    const expected = this.executor.runtime.detailsNeeded.get(this.connection.id) ?? 0;
    const ration = minuteShare(this.adapter.limits, SHARE, MIN_ASKED);
    if (this.left <= 0 || this.isHopeless || Math.random() * expected >= ration) return false;
    this.left -= 1;
    return true;
  }

  /** `undefined`: it is not told. */
  private async ask(id: string): Promise<unknown> {
    try {
      const answered = await execute(
        this.executor,
        this.connection,
        'detail',
        { id },
        this.context,
      );
      return answered.value;
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      if (HOPELESS.has(error.code)) this.isHopeless = true;
      return undefined;
    }
  }
}

/** An account of which only a part was told: its verdict counts where none is stored. */
export function asPart(observation: Observation): Observation {
  return { ...observation, account: { ...observation.account, status: null }, coverage: 'part' };
}
