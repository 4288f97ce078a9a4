import type { Clock } from '../lib/clock.js';
import { ProviderError } from '../model/index.js';
import type {
  CallContext,
  Observation,
  ProviderConnection,
  Providers,
  ResponseFacts,
} from '../providers/index.js';
import { atCrashPoint } from './crash-points.js';
import type { Step, StepAnswer, StepError } from './step.js';
import { type DisconnectSettings, type Phase, reactionTo, wasReconnected } from './step-state.js';
import type { StepsRepository } from './steps.repository.js';

/** Beyond it the oldest answers of a step are forgotten. */
const MAX_RESPONSES = 20;

export interface StepTools {
  readonly steps: StepsRepository;
  readonly providers: Providers;
  readonly clock: Clock;
  readonly settings: DisconnectSettings;
}

/**
 * One attempt at one step: what it may ask of the provider and write, each at its edge. What the
 * provider answers is kept.
 */
export class StepAttempt {
  /** How far it got, as written. */
  phase: Phase;
  private outcome: string | null;
  private mayBePaused: boolean;
  private error: StepError | null;
  private answers: readonly StepAnswer[];

  constructor(
    readonly step: Step,
    private readonly access: ProviderConnection,
    private readonly tools: StepTools,
  ) {
    this.phase = step.phase;
    this.outcome = step.outcome;
    this.mayBePaused = step.paused;
    this.error = step.lastError;
    this.answers = step.answers;
  }

  /** Whether giving up leaves an account behind that was paused for this step. */
  get mustResume(): boolean {
    return this.mayBePaused && this.phase === 'deleting';
  }

  /**
   * Whether the provider still shows the account, and if so whether that is a connection made since
   * the disconnect was asked for.
   */
  async look(call: 'look' | 'verify'): Promise<'absent' | 'present' | 'reconnected'> {
    const { providerAccountId: id, platform } = this.step;
    const presence = (observation: Observation | null) =>
      observation === null ? 'absent' : 'present';
    const observation = await this.ask(call, presence, (context) =>
      this.tools.providers.lookUp(this.access, { id, platform }, context),
    );
    if (observation === null) return 'absent';
    return wasReconnected(this.step.formerConnectedAt, observation.account.connectedAt)
      ? 'reconnected'
      : 'present';
  }

  /**
   * Pauses the account, where the provider can, so that nothing runs on it during the delete. A
   * refusal or an unknown outcome is not a failure: the delete follows in any case.
   */
  async pause(): Promise<void> {
    const { provider, formerStatus, providerAccountId } = this.step;
    if (formerStatus === 'paused' || !this.tools.providers.supports(provider, 'pause')) return;
    try {
      await this.ask('pause', done, (context) =>
        this.tools.providers.pause(this.access, { id: providerAccountId }, context),
      );
      this.mayBePaused = true;
    } catch (error) {
      if (!(error instanceof ProviderError) || reactionTo(error) === 'retry') throw error;
      this.mayBePaused = error.outcomeUnknown;
    }
  }

  /** @returns whether there was an account to delete */
  async delete(): Promise<'disconnected' | 'already_gone'> {
    const outcome = (answer: 'done' | 'already_gone') => (answer === 'done' ? 'done' : 'absent');
    const id = this.step.providerAccountId;
    const answer = await this.ask('delete', outcome, (context) =>
      this.tools.providers.disconnect(this.access, { id }, context),
    );
    return answer === 'done' ? 'disconnected' : 'already_gone';
  }

  async resume(): Promise<void> {
    await this.ask('resume', done, (context) =>
      this.tools.providers.resume(this.access, { id: this.step.providerAccountId }, context),
    );
  }

  async note(
    phase: 'deleting' | 'deleted' | 'resuming',
    more: { readonly outcome?: string; readonly error?: StepError } = {},
  ): Promise<void> {
    this.outcome = more.outcome ?? this.outcome;
    this.error = more.error ?? this.error;
    const { step, outcome, error, answers, mayBePaused: paused } = this;
    await atCrashPoint(`note_${phase}`, () =>
      this.tools.steps.note({ step, phase, outcome, paused, error, answers }),
    );
    this.phase = phase;
  }

  /** @param outcome as noted before, when left out */
  async succeed(outcome = this.outcome ?? 'disconnected'): Promise<void> {
    const { step, error, answers } = this;
    await atCrashPoint('succeed', () =>
      this.tools.steps.end({
        step,
        state: 'succeeded',
        outcome,
        error,
        verified: 'absent',
        answers,
      }),
    );
  }

  /** @param error the one noted before, when left out */
  async fail(verified: 'still_present' | 'unverifiable', error = this.error): Promise<void> {
    const { step, answers } = this;
    await atCrashPoint('fail', () =>
      this.tools.steps.end({ step, state: 'failed', outcome: null, error, verified, answers }),
    );
  }

  /** A failure to resume the account does not replace the reason why the step was given up. */
  async postpone(until: Date, latest: StepError, verified: 'still_present' | null): Promise<void> {
    const { step, answers } = this;
    const error = this.phase === 'resuming' && this.error ? this.error : latest;
    await atCrashPoint('postpone', () =>
      this.tools.steps.postpone({ step, until, error, verified, answers }),
    );
  }

  /** A failure as the step remembers it. */
  stepError(code: string, message: string, providerCode: string | null = null): StepError {
    return { code, message, provider_code: providerCode, at: this.tools.clock.now().toISOString() };
  }

  private async ask<Answer>(
    call: StepAnswer['call'],
    outcomeOf: (answer: Answer) => string,
    work: (context: CallContext) => Promise<Answer>,
  ): Promise<Answer> {
    const heard: ResponseFacts[] = [];
    const keep = (outcome: string) => {
      const last = heard.at(-1);
      const at = (last?.at ?? this.tools.clock.now()).toISOString();
      const answer = {
        call,
        outcome,
        status: last?.status ?? null,
        request_id: last?.requestId ?? null,
        at,
      };
      this.answers = [...this.answers, answer].slice(-MAX_RESPONSES);
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
      if (error instanceof ProviderError) keep(error.code);
      throw error;
    }
  }
}

const done = () => 'done';
