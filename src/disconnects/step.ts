import type { ComparedFact, Identity } from '../accounts/index.js';
import type { Actor } from '../audit/index.js';
import type { AnswerShape } from '../providers/index.js';
import type { Outcome, Phase } from './step-state.js';

/** A failure as it is stored with a step. */
export interface StepError {
  readonly code: string;
  readonly message: string;
  readonly provider_code: string | null;
  readonly at: string;
}

/** One answer of the provider that a step rests on. */
export interface StepEvidence {
  readonly call: 'look' | 'pause' | 'delete' | 'verify' | 'resume';
  /** HTTP status; `null`: no answer came. */
  readonly status: number | null;
  /** `null`: no answer came, or a former release recorded it. */
  readonly shape: AnswerShape | null;
  /**
   * What the call came to: `done`; of a look `absent`, `present`, `reconnected` or
   * `identity_changed`; or the code of the failure.
   */
  readonly outcome: string;
  readonly at: string;
  readonly request_id: string | null;
}

/** What attempts at a step change, as it is written. */
export interface StepProgress {
  readonly phase: Phase;
  readonly outcome: Outcome;
  /** Whether the account may have been paused at the provider for this step. */
  readonly paused: boolean;
  readonly error: StepError | null;
  readonly verified: 'absent' | 'still_present' | 'pending' | 'unverifiable';
  readonly evidence: readonly StepEvidence[];
  /** The facts that the last look could not compare; `null`: nothing was compared. */
  readonly notCompared: readonly ComparedFact[] | null;
}

/** One account of a disconnect, leased to this process. */
export interface Step extends Omit<StepProgress, 'outcome' | 'verified'> {
  readonly id: string;
  readonly disconnectId: string;
  readonly teamId: string;
  readonly accountId: string;
  readonly connectionId: string;
  readonly provider: string;
  readonly providerAccountId: string;
  readonly platform: string;
  readonly platformUserId: string | null;
  readonly username: string | null;
  readonly formerConnectedAt: Date | null;
  /** When these facts were seen. */
  readonly seenAt: Date;
  /** `null`: of a former release, or not asked for anything yet. */
  readonly outcome: Outcome | null;
  readonly attempts: number;
  readonly deadlineAt: Date;
  readonly formerStatus: string;
  /** Scheduled or retried: time has passed since the decision. */
  readonly looksFirst: boolean;
  /** Also where the provider does not say that it does not. */
  readonly destroysData: boolean;
  readonly leasedBy: string;
  readonly requestedById: string;
  readonly requestedByName: string;
  readonly requestId: string | null;
}

/** Columns of `Step`; `s` is the step, `d` its disconnect. */
export const STEP_COLUMNS = `s.id, s.disconnect_id AS "disconnectId", s.team_id AS "teamId",
  s.account_id AS "accountId", s.connection_id AS "connectionId", s.provider,
  s.provider_account_id AS "providerAccountId", s.platform, s.platform_user_id AS "platformUserId",
  s.username, s.former_connected_at AS "formerConnectedAt",
  COALESCE(s.seen_at, d.created_at) AS "seenAt", s.phase, s.outcome, s.attempts,
  s.deadline_at AS "deadlineAt", s.former_status AS "formerStatus", s.paused,
  s.looks_first AS "looksFirst", COALESCE((s.effect ->> 'destroys_data')::boolean, TRUE) AS "destroysData",
  s.last_error AS error, s.answers AS evidence, s.not_compared AS "notCompared",
  s.leased_by AS "leasedBy", d.requested_by_id AS "requestedById",
  d.requested_by_name AS "requestedByName", d.request_id AS "requestId"`;

/** Who was meant when the disconnect was accepted. */
export function identityOfStep(
  step: Pick<Step, 'platform' | 'platformUserId' | 'username' | 'formerConnectedAt'>,
): Identity {
  return {
    platform: step.platform,
    platform_user_id: step.platformUserId,
    username: step.username,
    connected_at: step.formerConnectedAt?.toISOString() ?? null,
  };
}

/** How far a step had got when it was taken. */
export function progressOf(step: Step): StepProgress {
  const { phase, outcome, paused, error, evidence, notCompared } = step;
  return {
    phase,
    // A row of a former release does not say.
    outcome: outcome ?? (phase === 'accepted' ? 'already_gone' : 'disconnected'),
    paused,
    error,
    verified: 'pending',
    evidence,
    notCompared,
  };
}

/** Steps are audited under the key that requested their disconnect. */
export function actorOfStep(step: Step): Actor {
  return {
    teamId: step.teamId,
    keyId: step.requestedById,
    keyName: step.requestedByName,
    requestId: step.requestId,
  };
}
