import { type Identity, identityShown } from '../../src/accounts/index.js';
import type { Step, StepProgress } from '../../src/disconnects/step.js';
import { StepRunner } from '../../src/disconnects/step-runner.js';
import { DEFAULT_DISCONNECT_SETTINGS } from '../../src/disconnects/step-state.js';
import { ProviderError } from '../../src/model/index.js';
import {
  type Observation,
  type ProviderConnection,
  type Providers,
  withChanges,
} from '../../src/providers/index.js';
import type { ManualClock } from '../support/manual-clock.js';
import type { ExchangePlan, FaultyProvider } from './faulty-provider.js';

/** What happens next, and to which account. */
export interface EngineAct extends ExchangePlan {
  readonly what:
    | 'walk'
    | 'look'
    | 'change'
    | 'disconnect'
    | 'outage'
    | 'add'
    | 'remove'
    | 'reassign';
  readonly whose: number;
  readonly settings: Readonly<Record<string, unknown>>;
}

const MAX_ATTEMPTS = 60;
const OVER_A_MINUTE_MS = 61_000;
const DAY_MS = 24 * 3_600_000;

/** The engine alone, without a database, calls a provider that gives false answers. */
export class EngineLife {
  private readonly access: ProviderConnection;
  /** As the last good look showed them. */
  private readonly known = new Map<string, { readonly facts: Identity; readonly seenAt: Date }>();

  constructor(
    readonly faulty: FaultyProvider,
    private readonly providers: Providers,
    private readonly clock: ManualClock,
    number: number,
  ) {
    const { name, baseUrl } = faulty.provider;
    const credentials = { api_key: 'key_0123456789abcdef' };
    this.access = { id: `conn_${number}`, provider: name, baseUrl, credentials };
  }

  async perform(act: EngineAct): Promise<void> {
    const { faulty } = this;
    const id = faulty.idOf(act.whose);
    if (act.what === 'add') return faulty.put(id);
    if (act.what === 'remove') return faulty.remove(id);
    if (act.what === 'reassign') {
      // A younger look is relied on where only a whole list would show the account.
      this.clock.advance(OVER_A_MINUTE_MS);
      return faulty.reassign(id);
    }
    faulty.begin(act, { isOut: act.what === 'outage' });
    await this.ask(act, id);
    faulty.end();
  }

  private async ask(act: EngineAct, id: string): Promise<void> {
    switch (act.what) {
      case 'walk':
        return this.walk(act);
      case 'change':
        return this.change(id, act.settings);
      case 'disconnect':
        return this.disconnect(id);
      default:
        await this.look(id);
    }
  }

  /**
   * A list that ends as complete has all accounts, unless it is false; accounts that it lacks are
   * asked for.
   */
  private async walk({ isListTrue }: ExchangePlan): Promise<void> {
    const { faulty } = this;
    const seen = new Set<string>();
    let isUnclear = false;
    let isReported = faulty.provider.name === 'socialsyncer';
    const isDone = await this.answered(async () => {
      for await (const page of this.providers.walk(this.access, {})) {
        for (const observation of page.accounts) {
          this.keep(observation);
          seen.add(observation.account.providerAccountId);
        }
        for (const item of page.quarantined) {
          if (item.id === null) isUnclear = true;
          else seen.add(item.id);
        }
        if (page.healthFailure !== null) isReported = false;
      }
      return true;
    });
    if (!isDone || isUnclear) return;
    const missed = [...faulty.provider.held.keys()].filter((id) => !seen.has(id));
    if (isListTrue || isReported)
      for (const id of missed) faulty.accuse(`a complete walk lacks ${id}`);
    for (const id of missed) {
      const answer = await this.answered(() =>
        this.providers.lookUpUnlisted(this.access, { id }, {}),
      );
      if (answer === 'gone') faulty.accuse(`${id} is said to be gone, and it is there`);
    }
  }

  private async look(id: string): Promise<Observation | undefined> {
    const found = await this.answered(() => this.providers.lookUp(this.access, { id }, {}));
    if (found === null && this.faulty.holds(id))
      this.faulty.accuse(`a look at ${id} says that it is gone, and it is there`);
    if (!found) return undefined;
    if (found.account.providerAccountId !== id)
      this.faulty.accuse(`a look at ${id} shows ${found.account.providerAccountId}`);
    this.keep(found);
    return found;
  }

  private async change(id: string, settings: EngineAct['settings']): Promise<void> {
    const { access, faulty, providers } = this;
    if (!providers.supports(access.provider, 'update')) return;
    const current = await this.look(id);
    if (!current) return;
    const meant = identityShown(current);
    const adapter = providers.adapters.require(access.provider);
    await faulty.during({ id, meant, settings }, () =>
      this.answered(() => {
        const { after } = withChanges(adapter, current, settings);
        return providers.update(access, { id, settings: after }, {});
      }),
    );
  }

  /** Takes a step to its end: its attempts follow each other as soon as they are due. */
  private async disconnect(id: string): Promise<void> {
    const { clock, faulty, providers } = this;
    const known = this.known.get(id);
    if (!known) return;
    let step = this.step(id, known);
    let ended: StepProgress | undefined;
    const runner = new StepRunner({
      providers,
      clock,
      lease: { renew: async () => undefined },
      settings: DEFAULT_DISCONNECT_SETTINGS,
      steps: {
        note: async ({ progress }) => {
          step = { ...step, ...progress };
        },
        postpone: async ({ progress }) => {
          step = { ...step, ...progress };
        },
        end: async ({ progress, state }) => {
          ended = progress;
          if (state === 'succeeded' || progress.verified === 'absent') this.judgeAbsence(id);
        },
      },
    });
    await faulty.during({ id, meant: known.facts }, async () => {
      for (let attempts = 1; ended === undefined && attempts <= MAX_ATTEMPTS; attempts += 1) {
        const never = new AbortController().signal;
        const due = await runner.run({ ...step, attempts }, this.access, never);
        if (due instanceof Date) clock.advance(due.getTime() - clock.now().getTime());
      }
    });
    if (ended === undefined)
      faulty.accuse(`a disconnect of ${id} does not end: ${step.error?.code}`);
  }

  private judgeAbsence(id: string): void {
    if (this.faulty.holds(id)) this.faulty.accuse(`${id} is disconnected, and it is still there`);
    this.known.delete(id);
  }

  private step(id: string, { facts, seenAt }: { facts: Identity; seenAt: Date }): Step {
    const { access, clock, providers } = this;
    const { disconnectEffect } = providers.adapters.require(access.provider);
    return {
      id: 'step_1',
      disconnectId: 'disc_1',
      teamId: 'team_1',
      accountId: 'acct_1',
      connectionId: access.id,
      provider: access.provider,
      providerAccountId: id,
      platform: facts.platform,
      platformUserId: facts.platform_user_id,
      username: facts.username,
      formerConnectedAt: facts.connected_at === null ? null : new Date(facts.connected_at),
      seenAt,
      phase: 'accepted',
      outcome: null,
      paused: false,
      error: null,
      evidence: [],
      notCompared: null,
      attempts: 1,
      deadlineAt: new Date(clock.now().getTime() + DAY_MS),
      formerStatus: 'active',
      looksFirst: false,
      destroysData: disconnectEffect.destroysData ?? true,
      leasedBy: 'process_1',
      requestedById: 'key_1',
      requestedByName: 'test',
      requestId: null,
    };
  }

  private keep(observation: Observation): void {
    const { observedAt, account } = observation;
    const facts = identityShown(observation);
    this.known.set(account.providerAccountId, { facts, seenAt: observedAt });
  }

  /** `undefined` where the provider's answer proves nothing. */
  private async answered<Answer>(ask: () => Promise<Answer>): Promise<Answer | undefined> {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof ProviderError) return undefined;
      throw error;
    }
  }
}
