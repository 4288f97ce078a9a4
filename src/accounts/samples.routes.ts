import { dataOf } from '../http/page.js';
import { invalidField } from '../http/problem.js';
import { endpoint } from '../http/route.js';
import { byAccount } from '../http/validate.js';
import type { Clock } from '../lib/clock.js';
import type { AccountsService } from './accounts.service.js';
import type { SampleRange, SamplesRepository } from './samples.repository.js';
import { type SamplesQuery, type Step, samplesQuery } from './samples.requests.js';
import { MAX_STEPS, samplesSchema } from './samples.schema.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** The shortest that each step is. */
const STEP_MS: Readonly<Record<Step, number>> = {
  hour: HOUR_MS,
  day: DAY_MS,
  week: 7 * DAY_MS,
  month: 28 * DAY_MS,
};

/** What accounts' metrics were. */
export function samplesEndpoints(
  accounts: AccountsService,
  samples: SamplesRepository,
  clock: Clock,
) {
  return {
    metrics: endpoint({
      summary: "Get an account's metrics over time",
      description: `The metrics are stored whenever the provider reports new values: the last of each hour for 30 days, the last of each day for thirteen months. Nothing is interpolated. At most ${MAX_STEPS} steps in one answer.`,
      params: byAccount,
      query: samplesQuery,
      answers: { 200: dataOf(samplesSchema) },
      problems: ['ambiguous_reference'],
      handle: async (call) => {
        const range = rangeOf(call.query, clock.now());
        const account = await accounts.find(call.caller, call.params.id);
        const [before, found] = await Promise.all([
          samples.before(account.id, range.from),
          samples.read(account.id, range),
        ]);
        return {
          status: 200,
          body: {
            data: {
              type: 'metrics',
              account_id: account.id,
              ref: `${account.provider}:${account.provider_account_id}`,
              ...range,
              before,
              samples: found,
            },
          },
        };
      },
    }),
  };
}

/** @throws Problem 422 when it ends before it begins, or holds too many steps */
function rangeOf({ from, to, step }: SamplesQuery, now: Date): SampleRange {
  const end = to ?? now;
  const begin = from ?? new Date(end.getTime() - (step === 'hour' ? 2 : 30) * DAY_MS);
  if (begin >= end) throw invalidField('from', 'must be before `to`');
  if (end.getTime() - begin.getTime() > MAX_STEPS * STEP_MS[step])
    throw invalidField('from', `must be at most ${MAX_STEPS} steps before \`to\``);
  return { from: begin, to: end, step };
}
