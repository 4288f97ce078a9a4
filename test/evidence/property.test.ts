import fc from 'fast-check';
import { createProviders } from '../../src/providers/index.js';
import { BRISK } from '../support/gateway.js';
import { afterAll, describe, expect, test } from '../support/jest.js';
import { manualClock, shiftedClock } from '../support/manual-clock.js';
import { type EngineAct, EngineLife } from './engine-life.js';
import { FALSE_ANSWERS } from './false-answers.js';
import { FaultyProvider } from './faulty-provider.js';
import { type GatewayAct, GatewayLife } from './gateway-life.js';
import type { ProviderName } from './provider-formats.js';
import { startScriptedProvider } from './scripted-provider.js';
import { settingsChanges } from './settings-changes.js';
import { useWorlds } from './world.js';

/**
 * The same exchanges at each run, so that a change is judged by itself; other seeds look further.
 */
const SEED = Number(process.env.EVIDENCE_SEED ?? 1);
/** Fewer would leave too many mixtures untried. */
const MIN_EXCHANGES = Number(process.env.EVIDENCE_EXCHANGES ?? 10_000);
/** Through the whole gateway, where each costs some transactions more. */
const MIN_GATEWAY_EXCHANGES = MIN_EXCHANGES / 8;
const ACCOUNTS = 8;
const PAGE_SIZE = 3;
const ACTS = 20;
/** Older looks are made again before a delete. */
const OVER_A_MINUTE_MS = 61_000;
const PROVIDERS: readonly ProviderName[] = ['outfame', 'creatoraudit', 'socialsyncer', 'octopost'];

// No circuit opens: what is refused here is no exchange. Few questions are asked again at once, so
// that a false answer is all that there is.
const policies = {
  ...BRISK,
  readAttempts: 2,
  retryMaxMs: 1,
  retryFloor: 0,
  retryShare: 0.25,
  breakerConsecutive: Number.MAX_SAFE_INTEGER,
  breakerShare: 2,
};

const exchangePlan = {
  seed: fc.nat(),
  honesty: fc.constantFrom(0, 3, 5, 5, 7, 9),
  isListTrue: fc.boolean(),
  whose: fc.nat(ACCOUNTS - 1),
};
const TURNS = ['add', 'add', 'remove', 'reassign'] as const;
const engineActs = (name: ProviderName): fc.Arbitrary<EngineAct> =>
  fc.record({
    ...exchangePlan,
    settings: settingsChanges(name),
    what: fc.constantFrom(
      ...(['walk', 'walk', 'walk', 'look', 'look', 'change', 'change', 'change'] as const),
      ...(['disconnect', 'disconnect', 'disconnect', 'outage'] as const),
      ...TURNS,
    ),
  });
const gatewayActs = (name: ProviderName): fc.Arbitrary<GatewayAct> =>
  fc.record({
    ...exchangePlan,
    settings: settingsChanges(name),
    what: fc.constantFrom(
      ...(['sweep', 'sweep', 'sweep', 'sweep', 'sweep', 'sweep', 'probe', 'probe'] as const),
      ...(['change', 'change', 'pause', 'resume', 'disconnect', 'disconnect', 'outage'] as const),
      ...TURNS,
    ),
  });
const times = <Act>(acts: fc.Arbitrary<Act>) =>
  fc.array(acts, { minLength: ACTS, maxLength: ACTS });

/** What was told and written by all. */
class Tally {
  exchanges = 0;
  readonly told = new Map<string, number>();
  readonly written = new Map<string, number>();

  add({ provider, told, written }: FaultyProvider): void {
    this.exchanges += provider.requests.length;
    for (const [name, count] of told) this.told.set(name, (this.told.get(name) ?? 0) + count);
    for (const [name, count] of written)
      this.written.set(name, (this.written.get(name) ?? 0) + count);
  }
}

describe(`for any mixture of answers (seed ${SEED})`, () => {
  const clock = manualClock(Date.now(), { skip: true });
  const providers = createProviders({ clock, policies });
  afterAll(() => providers.close());
  const tally = new Tally();

  test.each(PROVIDERS)(
    '%s: nothing is taken as gone that is there, no other account is written to, no other setting changes',
    async (name) => {
      const enough = tally.exchanges + MIN_EXCHANGES / PROVIDERS.length;
      let lives = 0;
      const live = fc.asyncProperty(times(engineActs(name)), async (acts) => {
        lives += 1;
        const faulty = new FaultyProvider(await startScriptedProvider(name, PAGE_SIZE), clock);
        try {
          const life = new EngineLife(faulty, providers, clock, lives);
          for (let number = 0; number < ACCOUNTS; number += 1) faulty.put(faulty.idOf(number));
          for (const act of acts) await life.perform(act);
          expect(faulty.wrong).toEqual([]);
        } finally {
          tally.add(faulty);
          await faulty.provider.close();
        }
      });
      for (let batch = 0; tally.exchanges < enough; batch += 1)
        await fc.assert(live, { seed: SEED + batch, numRuns: 10 });
    },
  );

  test('each false answer was given, and everything that can be written was', () => {
    expect(FALSE_ANSWERS.filter((name) => !tally.told.has(name))).toEqual([]);
    expect([...tally.written.keys()].sort()).toEqual(['DELETE', 'PATCH', 'POST']);
    expect(tally.exchanges).toBeGreaterThanOrEqual(MIN_EXCHANGES);
  });
});

describe(`for any mixture of answers to the whole gateway (seed ${SEED})`, () => {
  const clock = shiftedClock();
  const disconnects = { firstDelayMs: 1, longestDelayMs: 2, pollMs: 1_000 };
  const worlds = useWorlds({ clock, disconnects, policies });

  async function begin(name: ProviderName): Promise<GatewayLife> {
    const world = await worlds.open(name, [], { pageSize: 2 });
    const life = new GatewayLife(world, worlds.gateway(), clock);
    for (let number = 0; number < ACCOUNTS; number += 1) life.faulty.put(life.faulty.idOf(number));
    await life.sweep();
    return life;
  }

  test('no account is said to be gone that is there, no other is written to, no other setting changes', async () => {
    const tally = new Tally();
    // Lives side by side: the time that they share passes between what happens in them.
    const live = fc.asyncProperty(
      fc.tuple(...PROVIDERS.map((name) => times(gatewayActs(name)))),
      async (allActs) => {
        const lives = await Promise.all(PROVIDERS.map(begin));
        for (let turn = 0; turn < ACTS; turn += 1) {
          clock.advance(OVER_A_MINUTE_MS);
          const acts = allActs.map((those) => those[turn] as GatewayAct);
          await Promise.all(lives.map((life, at) => life.perform(acts[at] as GatewayAct)));
        }
        for (const { faulty } of lives) {
          tally.add(faulty);
          await faulty.provider.close();
        }
        expect(lives.flatMap(({ faulty }) => faulty.wrong)).toEqual([]);
      },
    );
    for (let batch = 0; tally.exchanges < MIN_GATEWAY_EXCHANGES; batch += 1)
      await fc.assert(live, { seed: SEED + batch, numRuns: 1, endOnFailure: true });
    expect([...tally.written.keys()].sort()).toEqual(['DELETE', 'PATCH', 'POST']);
  });
});
