import type { Disconnect, DisconnectStep } from '../database/prisma-client/client.js';
import type { DisconnectAnswer, StepAnswerBody } from './disconnect.schema.js';
import type { StepCounts } from './step-state.js';

const toIso = (at: Date | null) => at?.toISOString() ?? null;

/** A disconnect as the API answers it, with the first of its steps. */
export function toAnswer(
  row: Disconnect,
  summary: StepCounts,
  steps: readonly DisconnectStep[],
): DisconnectAnswer {
  return {
    ...toHead(row, summary),
    type: 'disconnect',
    steps: steps.map(toStep),
    has_more_steps: steps.length < summary.total,
  };
}

export function toHead(row: Disconnect, summary: StepCounts) {
  return {
    id: row.id,
    state: row.state as DisconnectAnswer['state'],
    reason_code: row.reasonCode as DisconnectAnswer['reason_code'],
    reason_note: row.reasonNote,
    requested_by: { key_id: row.requestedById, name: row.requestedByName },
    scheduled_at: toIso(row.scheduledAt),
    created_at: row.createdAt.toISOString(),
    finished_at: toIso(row.finishedAt),
    summary,
  };
}

export function toStep(step: DisconnectStep): StepAnswerBody {
  return {
    ...toOutcome(step),
    attempts: step.attempts,
    next_attempt_at: toIso(step.nextAttemptAt),
  };
}

/** A step as the receipt shows it: its outcome, and the provider's responses on the way. */
export function toReceiptStep(step: DisconnectStep) {
  return { ...toOutcome(step), finished_at: toIso(step.finishedAt), answers: step.answers };
}

function toOutcome(step: DisconnectStep) {
  return {
    account_id: step.accountId,
    ref: `${step.provider}:${step.providerAccountId}`,
    provider: step.provider,
    platform: step.platform,
    username: step.username,
    state: step.state as StepAnswerBody['state'],
    outcome: step.state === 'succeeded' ? (step.outcome as StepAnswerBody['outcome']) : null,
    effect: step.effect as StepAnswerBody['effect'],
    verified: step.verified as StepAnswerBody['verified'],
    verified_at: toIso(step.verifiedAt),
    reappeared_at: toIso(step.reappearedAt),
    last_error: step.lastError as StepAnswerBody['last_error'],
  };
}
