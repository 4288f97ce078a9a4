import type { Disconnect, DisconnectStep } from '../database/prisma-client/client.js';
import type { DisconnectBody, ReceiptStepBody, StepBody } from './disconnect.schema.js';
import { identityOfStep, type StepEvidence } from './step.js';
import type { StepCounts } from './step-state.js';

const rfc3339 = (at: Date | null) => at?.toISOString() ?? null;

/** A disconnect as the API shows it, with the first of its steps. */
export function disconnectDocument(
  row: Disconnect,
  summary: StepCounts,
  steps: readonly DisconnectStep[],
): DisconnectBody {
  return {
    ...headDocument(row, summary),
    type: 'disconnect',
    steps: steps.map(stepDocument),
    has_more_steps: steps.length < summary.total,
  };
}

/** A disconnect without its steps. */
export function headDocument(row: Disconnect, summary: StepCounts) {
  return {
    id: row.id,
    state: row.state as DisconnectBody['state'],
    reason_code: row.reasonCode as DisconnectBody['reason_code'],
    reason_note: row.reasonNote,
    requested_by: { key_id: row.requestedById, name: row.requestedByName },
    scheduled_at: rfc3339(row.scheduledAt),
    created_at: row.createdAt.toISOString(),
    finished_at: rfc3339(row.finishedAt),
    summary,
  };
}

export function stepDocument(step: DisconnectStep): StepBody {
  return {
    ...outcomeDocument(step),
    attempts: step.attempts,
    next_attempt_at: rfc3339(step.nextAttemptAt),
  };
}

/** A step in a receipt: who was meant, what came of it, and the answers that it rests on. */
export function receiptStepDocument(step: DisconnectStep): ReceiptStepBody {
  return { ...outcomeDocument(step), finished_at: rfc3339(step.finishedAt) };
}

function outcomeDocument(step: DisconnectStep) {
  return {
    account_id: step.accountId,
    ref: `${step.provider}:${step.providerAccountId}`,
    provider: step.provider,
    platform: step.platform,
    username: step.username,
    identity: identityOfStep(step),
    state: step.state as StepBody['state'],
    outcome: step.state === 'succeeded' ? (step.outcome as StepBody['outcome']) : null,
    effect: step.effect as StepBody['effect'],
    verified: step.verified as StepBody['verified'],
    verified_at: rfc3339(step.verifiedAt),
    not_compared: step.notCompared as StepBody['not_compared'],
    evidence: evidenceOf(step),
    reappeared_at: rfc3339(step.reappearedAt),
    last_error: step.lastError as StepBody['last_error'],
  };
}

/** Rows of former releases hold no shape. */
function evidenceOf(step: DisconnectStep): StepEvidence[] {
  return (step.evidence as unknown as StepEvidence[]).map((entry) => ({
    call: entry.call,
    status: entry.status,
    shape: entry.shape ?? null,
    outcome: entry.outcome,
    at: entry.at,
    request_id: entry.request_id,
  }));
}
