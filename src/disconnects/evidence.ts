import type { ProviderError } from '../model/index.js';
import type { ResponseFacts } from '../providers/index.js';
import type { StepEvidence } from './step.js';

/** Answers kept of one step, which may be asked about for a day. */
const MAX_EVIDENCE = 20;

/**
 * The evidence of a step with more added, oldest first. Beyond the limit the oldest are dropped,
 * but of each call the last of every shape stays: it is what the step rests on.
 */
export function addEvidence(
  held: readonly StepEvidence[],
  added: readonly StepEvidence[],
): StepEvidence[] {
  const all = [...held, ...added];
  const kindOf = ({ call, shape }: StepEvidence) => `${call} ${shape}`;
  const lastOfKind = new Map(all.map((entry, index) => [kindOf(entry), index]));
  let excess = all.length - MAX_EVIDENCE;
  return all.filter((entry, index) => {
    if (excess <= 0 || lastOfKind.get(kindOf(entry)) === index) return true;
    excess -= 1;
    return false;
  });
}

/**
 * What was heard in one call, as evidence: of each operation that it took the last answer, as a list
 * may take many pages and a read several attempts.
 * @param error what the call failed of: a failure that no answer carries comes last
 */
export function evidenceOf(
  heard: readonly ResponseFacts[],
  error: ProviderError | undefined,
  now: Date,
): Omit<StepEvidence, 'call' | 'outcome'>[] {
  const byOperation = new Map(heard.map((facts) => [facts.operation, facts]));
  const answers = [...byOperation.values()].map(({ status, shape, at, requestId }) => ({
    status,
    shape,
    at: at.toISOString(),
    request_id: requestId,
  }));
  const isAnswered = answers.length > 0 && (error === undefined || error.status !== null);
  if (isAnswered) return answers;
  return [...answers, { status: null, shape: null, at: now.toISOString(), request_id: null }];
}
