import { z } from 'zod';

const text = z.string().nullish();

const identity = z.object({
  platform: z.string(),
  platform_user_id: text,
  username: text,
  connected_at: text,
});

/** One answer of the provider. Receipts of former releases call the list `answers`. */
const evidence = z.object({
  call: z.string(),
  status: z.number().nullish(),
  shape: text,
  outcome: z.string(),
  at: z.string(),
  request_id: text,
});

const step = z.object({
  ref: z.string(),
  state: z.string(),
  outcome: text,
  verified: z.string(),
  last_error: z.object({ code: z.string(), message: z.string() }).nullish(),
  identity: identity.nullish(),
  not_compared: z.array(z.string()).nullish(),
  evidence: z.array(evidence).optional(),
  answers: z.array(evidence).optional(),
});
const receipt = z.object({ providers: z.array(z.string()).optional(), steps: z.array(step) });

/**
 * A verified receipt for people: each step with who was meant and what the provider answered.
 * Receipts of any release are taken; of one that is built otherwise nothing is said.
 */
export function receiptLines(signed: unknown): string[] {
  const { providers, steps = [] } = receipt.safeParse(signed).data ?? {};
  const covered = providers ? [`It covers only accounts at: ${providers.join(', ')}`] : [];
  return [...covered, ...steps.flatMap(stepLines)].map(printable);
}

function stepLines(given: z.output<typeof step>): string[] {
  const { ref, state, outcome, verified, last_error: error, not_compared: notCompared } = given;
  const whatCame = [state, outcome, `verified ${verified}`].filter((part) => part != null);
  return [
    `${ref}: ${whatCame.join(', ')}`,
    ...(given.identity ? [`  identity: ${named(given.identity)}`] : []),
    ...(notCompared?.length ? [`  not compared: ${notCompared.join(', ')}`] : []),
    ...(error && state === 'failed' ? [`  failed: ${error.code}: ${error.message}`] : []),
    ...(given.evidence ?? given.answers ?? []).map(evidenceLine),
  ];
}

function named(who: z.output<typeof identity>): string {
  const facts = Object.entries(who).map(([fact, value]) => `${fact} ${value ?? 'unknown'}`);
  return facts.join(', ');
}

function evidenceLine({ call, status, shape, outcome, at, request_id: id }: Evidence): string {
  const answer = status == null ? 'no answer' : [status, shape].filter((part) => part).join(' ');
  return `  ${at}  ${call}: ${answer} -> ${outcome}${id == null ? '' : ` (request ${id})`}`;
}
type Evidence = z.output<typeof evidence>;

/** Names come from providers: nothing in them may steer a terminal. */
const printable = (line: string) => line.replaceAll(/\p{C}/gu, '?');
