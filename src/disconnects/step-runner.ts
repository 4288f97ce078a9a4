import { changedFacts, type Identity } from '../accounts/index.js';
import { ProviderError } from '../model/index.js';
import type { ProviderConnection } from '../providers/index.js';
import type { Step, StepError, StepProgress } from './step.js';
import { StepAttempt, type StepTools } from './step-attempt.js';
import { backoffMs, type Outcome, type Phase, reactionTo } from './step-state.js';

/** The step's end, which is being written: nothing more is asked of the provider. */
interface Ended {
  readonly written: Promise<void>;
}

/**
 * Where an attempt stands after a phase: in the next phase, at the step's end, or before another
 * attempt.
 */
type NextPhase = Exclude<Phase, 'accepted' | 'verified'> | Ended | Date;

type Verified = StepProgress['verified'];

/** What is written and asked in each phase. */
type Phases = Record<Exclude<Phase, 'verified'>, (attempt: StepAttempt) => Promise<NextPhase>>;

/**
 * One attempt at one step. The intent is written and the account stopped here before it is leased;
 * then come the phases
 *
 *     accepted → (look → pause) → look → deleting → delete → deleted → verify → verified
 *
 * and where it is given up, `resuming` undoes the pause. Each phase is written before what follows
 * it is asked of the provider, so an attempt can be cut off anywhere and repeated. Before
 * anything is asked that changes the account, a look shows that it is still the one that was meant;
 * a look that proves nothing is made again later.
 */
export class StepRunner {
  constructor(private readonly tools: StepTools) {}

  private readonly phases: Phases = {
    accepted: async (attempt) => {
      const end = await this.lookFirst(attempt);
      if (end) return end;
      await attempt.pause();
      return 'deleting';
    },

    deleting: async (attempt) => {
      const end = await this.lookFirst(attempt);
      if (end) return end;
      await attempt.delete();
      return 'deleted';
    },

    deleted: async (attempt) => {
      const look = await attempt.look('verify');
      if (look.shown === 'absent') return { written: attempt.succeed() };
      if (look.shown === 'nothing') return this.lookAgain(attempt, look.error, 'unverifiable');
      if (look.shown === 'reconnected') return this.leaveAlone(attempt, look.shown, look.found);
      // Whatever it shows under the id, it is not gone.
      const error = attempt.stepError('still_present', STILL_PRESENT[attempt.outcome]);
      if (attempt.outcome === 'already_gone') attempt.deleteAgain();
      return this.again(attempt, error, null, 'still_present');
    },

    resuming: async (attempt) => {
      await attempt.resume();
      return { written: attempt.fail('unverifiable') };
    },
  };

  /**
   * @param signal ends the attempt between two phases, as a call that changes something is better
   * not cut off; another attempt continues from there
   * @returns when the step is due again; `left`: it stands where it was written last
   */
  async run(
    step: Step,
    access: ProviderConnection,
    signal: AbortSignal,
  ): Promise<Ended | 'left' | Date> {
    const attempt = new StepAttempt(step, access, this.tools);
    let phase: NextPhase | 'accepted' = step.phase === 'verified' ? 'deleted' : step.phase;
    while (typeof phase === 'string' && !signal.aborted) {
      const now: Exclude<Phase, 'verified'> = phase;
      phase = await this.phases[now](attempt).catch((error: unknown) =>
        this.react(attempt, now, error),
      );
    }
    return typeof phase === 'string' ? 'left' : phase;
  }

  /**
   * Looks before anything is asked that changes the account.
   * @returns `undefined` when it is the one that was meant, or needs no look; otherwise what is
   * left to do: what is gone is done, what is not who was meant is left alone, and a look that
   * proves nothing is made again
   */
  private async lookFirst(attempt: StepAttempt): Promise<NextPhase | undefined> {
    if (!attempt.mustLook) return undefined;
    const look = await attempt.look('look');
    switch (look.shown) {
      case 'present':
        return undefined;
      case 'absent':
        return { written: attempt.succeed() };
      case 'nothing':
        return this.lookAgain(attempt, look.error, 'pending');
      default:
        return this.leaveAlone(attempt, look.shown, look.found);
    }
  }

  /** The account is not who was meant: nothing more is asked of the provider. */
  private leaveAlone(attempt: StepAttempt, shown: 'reconnected' | 'other', found: Identity): Ended {
    const changes = changedFacts(attempt.identity, found).join(', ');
    const asked =
      attempt.outcome === 'disconnected'
        ? 'An earlier delete request may have ended the former connection'
        : 'Nothing was deleted';
    const paused = attempt.mayBePaused ? '; it may still be paused by this disconnect' : '';
    const error =
      shown === 'reconnected'
        ? attempt.stepError(
            'reconnected',
            `The account was connected again since the disconnect was requested (${changes}); it was left connected. ${asked}${paused}.`,
          )
        : attempt.stepError(
            'identity_changed',
            `The account is no longer the one that the disconnect was requested for: ${changes}. ${asked}${paused}.`,
          );
    const verified = shown === 'reconnected' ? 'still_present' : 'unverifiable';
    return { written: attempt.fail(verified, error) };
  }

  /** A look that proves nothing, refusals included, says nothing of the account. */
  private lookAgain(
    attempt: StepAttempt,
    { code, message, providerCode, retryAfterSeconds }: ProviderError,
    verified: Verified,
  ): Promise<NextPhase> {
    const error = attempt.stepError(code, message, providerCode);
    return this.again(attempt, error, retryAfterSeconds, verified);
  }

  private async react(
    attempt: StepAttempt,
    phase: Exclude<Phase, 'verified'>,
    error: unknown,
  ): Promise<NextPhase> {
    if (!(error instanceof ProviderError)) throw error;
    const noted = attempt.stepError(error.code, error.message, error.providerCode);
    const isRefusal = reactionTo(error) === 'fail';
    if (phase === 'resuming' && isRefusal) return { written: attempt.fail('unverifiable') };
    if (isRefusal) return this.giveUp(attempt, noted, 'unverifiable');
    return this.again(attempt, noted, error.retryAfterSeconds, 'pending');
  }

  /** Postpones the step, or gives it up when its deadline has passed. */
  private async again(
    attempt: StepAttempt,
    error: StepError,
    retryAfterSeconds: number | null,
    verified: Verified,
  ): Promise<NextPhase> {
    const { clock, settings } = this.tools;
    const next = new Date(
      clock.now().getTime() + backoffMs(attempt.step.attempts, retryAfterSeconds, settings),
    );
    if (next >= attempt.step.deadlineAt)
      return this.giveUp(attempt, error, verified === 'pending' ? 'unverifiable' : verified);
    await attempt.postpone(next, error, verified);
    return next;
  }

  /**
   * The step has failed. Where it paused the account, that is undone first: once, as the reason to
   * give up may be that nothing works.
   */
  private async giveUp(
    attempt: StepAttempt,
    error: StepError,
    verified: Verified,
  ): Promise<NextPhase> {
    if (attempt.phase === 'resuming') return { written: attempt.fail('unverifiable') };
    if (attempt.phase === 'deleted' || !attempt.mayBePaused)
      return { written: attempt.fail(verified, error) };
    await attempt.note('resuming', { error });
    return 'resuming';
  }
}

const STILL_PRESENT: Readonly<Record<Outcome, string>> = {
  disconnected: 'The provider accepted the disconnect but still lists the account.',
  already_gone: 'The provider found no account to delete but still lists it.',
};
