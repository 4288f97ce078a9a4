import type { StepEvidence } from './step.js';

/** Answers kept of one step, which may be asked about for a day. */
const MAX_EVIDENCE = 20;

/**
 * The evidence of a step with more added, oldest first. Beyond the limit the oldest are dropped,
 * but never the last of a call: it is what the step rests on.
 */
export function addEvidence(
  held: readonly StepEvidence[],
  added: readonly StepEvidence[],
): StepEvidence[] {
  const all = [...held, ...added];
  const lastOfCall = new Map(all.map(({ call }, index) => [call, index]));
  let excess = all.length - MAX_EVIDENCE;
  return all.filter(({ call }, index) => {
    if (excess <= 0 || lastOfCall.get(call) === index) return true;
    excess -= 1;
    return false;
  });
}
