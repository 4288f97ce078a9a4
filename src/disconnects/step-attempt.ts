import { compareIdentity, type Identity, identityShown } from '../accounts/index.js';
import type { ProcessLease } from '../database/index.js';
import type { Clock } from '../lib/clock.js';
import { ProviderError } from '../model/index.js';
import type {
  AccountToFind,
  CallContext,
  Observation,
  ProviderConnection,
  Providers,
  ResponseFacts,
} from '../providers/index.js';
import { atCrashPoint } from './crash-points.js';
import { addEvidence, evidenceOf } from './evidence.js';
import {
  identityOfStep,
  progressOf,
  type Step,
  type StepError,
  type StepEvidence,
  type StepProgress,
} from './step.js';
import {
  type DisconnectSettings,
  mustLookFirst,
  type Outcome,
  type Phase,
  reactionTo,
} from './step-state.js';
import type { StepsRepository } from './steps.repository.js';

export interface StepTools {
  readonly steps: Pick<StepsRepository, 'note' | 'postpone' | 'end'>;
  readonly providers: Providers;
  readonly lease: Pick<ProcessLease, 'renew'>;
  readonly clock: Clock;
  readonly settings: DisconnectSettings;
}

/** What a look at the account came to. */
type Look =
  | { readonly shown: 'absent' }
  | { readonly shown: 'present' | 'reconnected' | 'other'; readonly found: Identity }
  /** Nothing that proves anything: no answer, a refusal, or one that is not as documented. */
  | { readonly shown: 'nothing'; readonly error: ProviderError };

/**
 * One attempt at one step: what it may ask of the provider and write, each at its crash point. What
 * the provider answers is kept.
 */
export class StepAttempt {
  /** Who was meant. */
  readonly identity: Identity;
  /** As written, or about to be. */
  private progress: StepProgress;
  /** Whether nothing was asked of the provider since the last look. */
  private hasJustLooked = false;
  /** Whether somebody else had paused the account when it was looked at. */
  private isPausedAlready: boolean;

  constructor(
    readonly step: Step,
    private readonly access: ProviderConnection,
    private readonly tools: StepTools,
  ) {
    this.identity = identityOfStep(step);
    this.isPausedAlready = step.formerStatus === 'paused';
    this.progress = progressOf(step);
  }

  get phase(): Phase {
    return this.progress.phase;
  }

  /** What the step comes to once the account is gone. */
  get outcome(): Outcome {
    return this.progress.outcome;
  }

  get mayBePaused(): boolean {
    return this.progress.paused;
  }

  /** Of a later one the pause may be by one before, which a crash kept from being written. */
  private get isFirst(): boolean {
    return this.step.attempts === 1;
  }

  /** Whether the account must be looked at before anything more is asked of the provider. */
  get mustLook(): boolean {
    const { provider } = this.step;
    const isOneCall = this.tools.providers.supports(provider, 'get');
    return !this.hasJustLooked && mustLookFirst(this.step, this.tools.clock.now(), isOneCall);
  }

  /** Looks at the account and compares it with who was meant. */
  async look(call: 'look' | 'verify'): Promise<Look> {
    const account: AccountToFind = {
      id: this.step.providerAccountId,
      ...(call === 'verify' && {
        deleteAnswer: this.outcome === 'disconnected' ? 'done' : 'not_found',
      }),
    };
    const outcomeOf = ({ shown }: Look) => (shown === 'other' ? 'identity_changed' : shown);
    try {
      const look = await this.ask(call, outcomeOf, async (context) =>
        this.compared(await this.tools.providers.lookUp(this.access, account, context)),
      );
      this.hasJustLooked = true;
      return look;
    } catch (error) {
      if (error instanceof ProviderError) return { shown: 'nothing', error };
      throw error;
    }
  }

  /**
   * Pauses the account, where the provider can, so that nothing runs on it during the delete; not
   * where it is paused already, as what this step pauses it starts again should it fail. A refusal or
   * an unknown outcome is not a failure: the delete follows in any case.
   */
  async pause(): Promise<void> {
    const { provider, providerAccountId } = this.step;
    if (this.isPausedAlready || !this.tools.providers.supports(provider, 'pause')) return;
    try {
      const answer = await this.ask('pause', String, (context) =>
        this.tools.providers.pause(this.access, { id: providerAccountId }, context),
      );
      if (answer === 'done' || !this.isFirst) this.set({ paused: true });
    } catch (error) {
      if (!(error instanceof ProviderError) || reactionTo(error) === 'retry') throw error;
      if (error.outcomeUnknown) this.set({ paused: true });
    }
  }

  /**
   * Asks the provider to delete the account, once it is written that it may have been asked; and
   * writes that it said yes, or that it holds no such account.
   */
  async delete(): Promise<void> {
    const before = this.progress.outcome;
    if (this.phase !== 'deleting' || before !== 'disconnected')
      await this.note('deleting', { outcome: 'disconnected' });
    const outcomeOf = (answer: 'done' | 'already_gone') => (answer === 'done' ? 'done' : 'absent');
    const id = this.step.providerAccountId;
    try {
      const answer = await this.ask('delete', outcomeOf, (context) =>
        this.tools.providers.disconnect(this.access, { id }, context),
      );
      await this.note('deleted', answer === 'done' ? {} : { outcome: before });
    } catch (error) {
      // It did nothing: whatever ends the account was not this call.
      if (error instanceof ProviderError && !error.outcomeUnknown) this.set({ outcome: before });
      throw error;
    }
  }

  async resume(): Promise<void> {
    await this.ask('resume', String, (context) =>
      this.tools.providers.resume(this.access, { id: this.step.providerAccountId }, context),
    );
  }

  async note(
    phase: 'deleting' | 'deleted' | 'resuming',
    more: Partial<StepProgress> = {},
  ): Promise<void> {
    const progress = { ...this.progress, ...more, phase };
    await atCrashPoint(`note_${phase}`, () => this.tools.steps.note({ step: this.step, progress }));
    this.progress = progress;
  }

  async succeed(): Promise<void> {
    this.set({ phase: 'verified', verified: 'absent' });
    const { step, progress } = this;
    await atCrashPoint('succeed', () =>
      this.tools.steps.end({ step, progress, state: 'succeeded' }),
    );
  }

  /** @param error the one noted before, when left out */
  async fail(verified: Verified, error = this.progress.error): Promise<void> {
    this.set({ verified, error });
    const { step, progress } = this;
    await atCrashPoint('fail', () => this.tools.steps.end({ step, progress, state: 'failed' }));
  }

  /**
   * Gives the step back until its next attempt. A failure to resume the account does not replace
   * the reason why the step was given up.
   */
  async postpone(until: Date, error: StepError, verified: Verified): Promise<void> {
    const isKept = this.phase === 'resuming' && this.progress.error !== null;
    this.set({ verified, ...(!isKept && { error }) });
    const { step, progress } = this;
    await atCrashPoint('postpone', () => this.tools.steps.postpone({ step, progress, until }));
  }

  /** The provider knew no account to delete and shows one all the same: it is asked again. */
  deleteAgain(): void {
    this.set({ phase: 'deleting' });
  }

  /** A failure as it is stored with the step. */
  stepError(code: string, message: string, providerCode: string | null = null): StepError {
    return { code, message, provider_code: providerCode, at: this.tools.clock.now().toISOString() };
  }

  private set(changes: Partial<StepProgress>): void {
    this.progress = { ...this.progress, ...changes };
  }

  private compared(observation: Observation | null): Look {
    if (observation === null) return { shown: 'absent' };
    const found = identityShown(observation);
    const { result, notCompared } = compareIdentity(this.identity, found, {
      seenAt: this.step.seenAt,
      coverage: observation.coverage,
    });
    this.set({ notCompared });
    const { status } = observation.account;
    if (this.isFirst && !this.mayBePaused && status !== null)
      this.isPausedAlready = status === 'paused';
    return { shown: result === 'same' ? 'present' : result, found };
  }

  private async ask<Answer>(
    call: StepEvidence['call'],
    outcomeOf: (answer: Answer) => string,
    work: (context: CallContext) => Promise<Answer>,
  ): Promise<Answer> {
    this.hasJustLooked = false;
    // No other process may take this one for gone while the provider is asked.
    await this.tools.lease.renew();
    const heard: ResponseFacts[] = [];
    const keep = (outcome: string, error?: ProviderError) => {
      const added = evidenceOf(heard, error, this.tools.clock.now()).map((facts) => ({
        call,
        outcome,
        ...facts,
      }));
      this.set({ evidence: addEvidence(this.progress.evidence, added) });
    };
    const context = {
      deadlineMs: this.tools.settings.callDeadlineMs,
      onAnswer: (answer: ResponseFacts) => heard.push(answer),
    };
    try {
      const answer = await atCrashPoint(call, () => work(context));
      keep(outcomeOf(answer));
      return answer;
    } catch (error) {
      if (error instanceof ProviderError) keep(error.code, error);
      throw error;
    }
  }
}

type Verified = StepProgress['verified'];
