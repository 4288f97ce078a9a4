import { observed } from '../../bench/health-load.js';
import { HEALTHY, type Verdict } from '../../src/model/index.js';
import type { Script } from './scripted-providers.js';

const VERDICTS: readonly Verdict[] = [
  HEALTHY,
  HEALTHY,
  { status: 'unhealthy', reason: 'token_invalid', fault: 'account' },
  { status: 'warning', reason: 'account_paused', fault: 'account' },
];

/** Numbers in [0, 1), always the same ones for a seed: a linear congruential generator. */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Random outages, one at a time: which one, and how many ticks are left. */
class RandomOutages<Kind extends string> {
  kind: Kind | null = null;
  private left = 0;

  /** @param kinds how likely each is to begin at a tick, and how many ticks it lasts at most */
  constructor(
    private readonly kinds: Readonly<Record<Kind, readonly [chance: number, longest: number]>>,
    private readonly random: () => number,
  ) {}

  turn(): void {
    this.left = Math.max(0, this.left - 1);
    if (this.left > 0) return;
    this.kind = null;
    let luck = this.random();
    for (const [kind, [chance, longest]] of Object.entries(this.kinds) as [
      Kind,
      readonly [number, number],
    ][]) {
      luck -= chance;
      if (luck >= 0) continue;
      [this.kind, this.left] = [kind, 1 + Math.floor(this.random() * longest)];
      return;
    }
  }
}

/**
 * What keeps all gateways from checking accounts: none runs, the database is down, or the queue
 * stands still.
 */
export const gatewayOutages = (random: () => number) =>
  new RandomOutages({ gateway: [0.04, 6], database: [0.04, 4], queue: [0.08, 10] }, random);

/** A provider's month: the true state of its accounts, and its outages. */
export class Month {
  private readonly truths: { verdict: Verdict; isThere: boolean }[];
  private readonly outages;

  constructor(
    accounts: number,
    private readonly random: () => number,
  ) {
    this.truths = Array.from({ length: accounts }, () => ({ verdict: HEALTHY, isThere: true }));
    this.outages = new RandomOutages(
      // `tripped`: an outage that opens the circuit.
      {
        outage: [0.04, 8],
        tripped: [0.03, 8],
        cutOff: [0.08, 14],
        rejection: [0.04, 5],
        glitch: [0.07, 2],
      },
      random,
    );
  }

  get isTripped(): boolean {
    return this.outages.kind === 'tripped';
  }

  /** A tick goes by. */
  turn(): void {
    this.outages.turn();
    for (const truth of this.truths) {
      if (this.happens(0.03))
        truth.verdict = VERDICTS[Math.floor(this.random() * VERDICTS.length)] ?? HEALTHY;
      truth.isThere = truth.isThere ? !this.happens(0.01) : this.happens(0.1);
    }
  }

  /**
   * What the provider does when it is called during this outage; without one, one call in twelve
   * fails all the same.
   */
  script(): Script {
    const { kind } = this.outages;
    // A list with a glitch lacks most of the accounts, the same ones each time.
    const listed = this.truths.flatMap(({ verdict, isThere }, number) =>
      isThere && (kind !== 'glitch' || number % 3 === 0) ? [observed(number, verdict)] : [],
    );
    const fine = { accounts: listed, failure: null, rejectsKey: kind === 'rejection' };
    if (kind === 'outage' || kind === 'tripped')
      return { ...fine, failure: { code: 'unavailable', after: 0 } };
    const after = 1 + Math.floor(this.random() * (listed.length - 1));
    if (kind === 'cutOff') return { ...fine, failure: { code: 'timeout', after } };
    if (!this.happens(1 / 12)) return fine;
    const code = this.happens(0.5) ? 'timeout' : 'credential_rejected';
    return { ...fine, failure: { code, after } };
  }

  private happens(chance: number): boolean {
    return this.random() < chance;
  }
}
