import type { Actor } from '../audit/index.js';
import type { Phase } from './step-state.js';

/** A failure as a step remembers it. */
export interface StepError {
  readonly code: string;
  readonly message: string;
  readonly provider_code: string | null;
  readonly at: string;
}

/** What the provider answered to one call, for the receipt. */
export interface StepAnswer {
  readonly call: 'look' | 'pause' | 'delete' | 'verify' | 'resume';
  /** `done`, `absent`, `present`, or the code of the failure. */
  readonly outcome: string;
  /** HTTP status; `null`: no answer came. */
  readonly status: number | null;
  readonly request_id: string | null;
  readonly at: string;
}

/** One account of a disconnect, leased to this process. */
export interface Step {
  readonly id: string;
  readonly disconnectId: string;
  readonly teamId: string;
  readonly accountId: string;
  readonly connectionId: string;
  readonly provider: string;
  readonly providerAccountId: string;
  readonly platform: string;
  readonly phase: Phase;
  readonly outcome: string | null;
  readonly attempts: number;
  readonly deadlineAt: Date;
  readonly formerStatus: string;
  readonly formerConnectedAt: Date | null;
  readonly paused: boolean;
  readonly looksFirst: boolean;
  readonly lastError: StepError | null;
  readonly answers: readonly StepAnswer[];
  readonly leasedBy: string;
  readonly requestedById: string;
  readonly requestedByName: string;
  readonly requestId: string | null;
}

/** Columns of `Step`; `s` is the step, `d` its disconnect. */
export const STEP_COLUMNS = `s.id, s.disconnect_id AS "disconnectId", s.team_id AS "teamId", s.account_id AS "accountId",
  s.connection_id AS "connectionId", s.provider, s.provider_account_id AS "providerAccountId", s.platform, s.phase, s.outcome, s.attempts,
  s.deadline_at AS "deadlineAt", s.former_status AS "formerStatus", s.former_connected_at AS "formerConnectedAt", s.paused,
  s.looks_first AS "looksFirst", s.last_error AS "lastError", s.answers, s.leased_by AS "leasedBy",
  d.requested_by_id AS "requestedById", d.requested_by_name AS "requestedByName", d.request_id AS "requestId"`;

/** Steps are audited under the key that requested their disconnect. */
export function actorOfStep(step: Step): Actor {
  return {
    teamId: step.teamId,
    keyId: step.requestedById,
    keyName: step.requestedByName,
    requestId: step.requestId,
  };
}
