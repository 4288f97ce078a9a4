import { ProviderError } from '../model/index.js';
import type { ProviderConnection } from '../providers/index.js';
import type { Step, StepError } from './step.js';
import { StepAttempt, type StepTools } from './step-attempt.js';
import { backoffMs, type Phase, reactionTo } from './step-state.js';

/**
 * Where an attempt stands after a phase: in the next phase, at the step's end, or before another
 * attempt.
 */
type NextPhase = Exclude<Phase, 'accepted' | 'verified'> | 'ended' | Date;

/** What a look showed, where there was one. */
type Verified = 'still_present' | null;

/** What is written and asked in each phase. */
type Phases = Record<Exclude<Phase, 'verified'>, (attempt: StepAttempt) => Promise<NextPhase>>;

/**
 * One attempt at one step. The intent is written and the account stopped here before it is leased;
 * then come the phases
 *
 *     accepted → (pause) → deleting → delete → deleted → verify → verified
 *
 * and where it is given up, `resuming` undoes the pause. Each phase is written before what follows
 * it is asked of the provider, so an attempt can be cut off anywhere and repeated: where the
 * provider may have been asked already, the account is looked at first.
 */
export class StepRunner {
  constructor(private readonly tools: StepTools) {}

  private readonly phases: Phases = {
    accepted: async (attempt) => {
      const { looksFirst, attempts } = attempt.step;
      if (looksFirst || attempts > 1) {
        const ended = await this.endedMeanwhile(attempt, 'already_gone');
        if (ended) return 'ended';
      }
      await attempt.pause();
      await attempt.note('deleting');
      return 'deleting';
    },

    deleting: async (attempt) => {
      const wasAskedBefore = attempt.step.phase === 'deleting';
      if (wasAskedBefore && (await this.endedMeanwhile(attempt, 'disconnected'))) return 'ended';
      const outcome = await attempt.delete();
      await attempt.note('deleted', { outcome: wasAskedBefore ? 'disconnected' : outcome });
      return 'deleted';
    },

    deleted: async (attempt) => {
      // A newer connection of the account is not the one to end: that one is gone.
      if ((await attempt.look('verify')) !== 'present') return this.end(attempt.succeed());
      const stepError = attempt.stepError(
        'still_present',
        'The provider accepted the disconnect but still lists the account.',
      );
      return this.again(attempt, stepError, null, 'still_present');
    },

    resuming: async (attempt) => {
      await attempt.resume();
      return this.end(attempt.fail('unverifiable'));
    },
  };

  /**
   * @param isStopping ends the attempt between two phases; another process continues from there
   * @returns when the step is due again; `undefined` when it has ended or was left
   */
  async run(
    step: Step,
    access: ProviderConnection,
    isStopping: () => boolean,
  ): Promise<Date | undefined> {
    const attempt = new StepAttempt(step, access, this.tools);
    let phase: NextPhase | 'accepted' = step.phase === 'verified' ? 'deleted' : step.phase;
    while (phase !== 'ended' && !(phase instanceof Date) && !isStopping()) {
      const now: Exclude<Phase, 'verified'> = phase;
      phase = await this.phases[now](attempt).catch((error: unknown) =>
        this.react(attempt, now, error),
      );
    }
    return phase instanceof Date ? phase : undefined;
  }

  /**
   * Looks before asking: an absent account is done, one that was connected again is left alone.
   */
  private async endedMeanwhile(attempt: StepAttempt, outcome: string): Promise<boolean> {
    const shown = await attempt.look('look');
    if (shown === 'absent') await attempt.succeed(outcome);
    if (shown === 'reconnected') {
      const stepError = attempt.stepError(
        'reconnected',
        'The account was connected again since the disconnect was requested; it was left connected.',
      );
      await attempt.fail('still_present', stepError);
    }
    return shown !== 'present';
  }

  private async react(
    attempt: StepAttempt,
    phase: Exclude<Phase, 'verified'>,
    error: unknown,
  ): Promise<NextPhase> {
    if (!(error instanceof ProviderError)) throw error;
    const stepError = attempt.stepError(error.code, error.message, error.providerCode);
    const isRefusal = reactionTo(error) === 'fail';
    if (phase === 'resuming' && isRefusal) return this.end(attempt.fail('unverifiable'));
    // Once the provider has said yes only the look is left, and a look that is refused says nothing
    // of the account.
    if (isRefusal && phase !== 'deleted') return this.giveUp(attempt, stepError, null);
    return this.again(attempt, stepError, error.retryAfterSeconds, null);
  }

  /** Postpones the step, or gives it up when its deadline has passed. */
  private async again(
    attempt: StepAttempt,
    stepError: StepError,
    retryAfterSeconds: number | null,
    verified: Verified,
  ): Promise<NextPhase> {
    const { clock, settings } = this.tools;
    const next = new Date(
      clock.now().getTime() + backoffMs(attempt.step.attempts, retryAfterSeconds, settings),
    );
    if (next >= attempt.step.deadlineAt) return this.giveUp(attempt, stepError, verified);
    await attempt.postpone(next, stepError, verified);
    return next;
  }

  /**
   * The step has failed. Where it paused the account, that is undone first: once, as the reason to
   * give up may be that nothing works.
   */
  private async giveUp(
    attempt: StepAttempt,
    stepError: StepError,
    verified: Verified,
  ): Promise<NextPhase> {
    if (attempt.phase === 'resuming') return this.end(attempt.fail('unverifiable'));
    if (!attempt.mustResume) return this.end(attempt.fail(verified ?? 'unverifiable', stepError));
    await attempt.note('resuming', { error: stepError });
    return 'resuming';
  }

  private async end(ending: Promise<void>): Promise<'ended'> {
    await ending;
    return 'ended';
  }
}
