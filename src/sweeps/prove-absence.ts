import { type AnyAdapter, ProviderError, type ProviderErrorCode } from '../model/index.js';
import {
  type CallContext,
  minuteShare,
  type Observation,
  type ProviderConnection,
  type Providers,
} from '../providers/index.js';
import type { SweepRun } from './sweep-run.js';

/** The share of a provider's minute that one sweep may spend on accounts that its list lacks. */
const SHARE = 0.2;
const MIN_ASKED = 20;

/** After these the next question would fare no better. */
const HOPELESS: ReadonlySet<ProviderErrorCode> = new Set([
  'circuit_open',
  'rate_limited',
  'credential_rejected',
]);

/**
 * Finds out which of the accounts that a complete list lacks are gone: the provider is asked for
 * each, as far as one sweep's share goes, and the others keep their age until the next one. Where
 * it cannot be asked for one account, or its answer proves nothing, a list of one page is proof;
 * from a list of several pages a row may have moved while they were read, so that it takes another
 * such list before it.
 */
export async function proveAbsence(
  run: SweepRun,
  adapter: AnyAdapter,
  providers: Providers,
  access: ProviderConnection,
  context: CallContext,
): Promise<void> {
  const canAsk = adapter.operations.get !== undefined;
  const limit = minuteShare(adapter.limits, SHARE, MIN_ASKED);
  const { candidates, isListProof } = await run.findUnseen(
    canAsk ? limit : Number.MAX_SAFE_INTEGER,
  );
  const unproven: string[] = canAsk ? [] : [...candidates];
  for (let at = 0; canAsk && at < candidates.length; at += adapter.limits.concurrency) {
    const ids = candidates.slice(at, at + adapter.limits.concurrency);
    const answers = await Promise.all(ids.map((id) => ask(providers, access, id, context)));
    const of = (kind: 'gone' | 'unproven') => ids.filter((_id, index) => answers[index] === kind);
    await run.addFound(answers.filter(isFound));
    await run.addAbsent(of('gone'));
    unproven.push(...of('unproven'));
    if (answers.some((answer) => answer instanceof ProviderError && HOPELESS.has(answer.code)))
      break;
  }
  await run.addAbsent(isListProof ? unproven : await run.missedBefore(unproven));
}

type AbsenceAnswer = Observation | 'gone' | 'unproven' | ProviderError;

async function ask(
  providers: Providers,
  access: ProviderConnection,
  id: string,
  context: CallContext,
): Promise<AbsenceAnswer> {
  try {
    return await providers.lookUpUnlisted(access, { id }, context);
  } catch (error) {
    if (error instanceof ProviderError) return error;
    throw error;
  }
}

function isFound(answer: AbsenceAnswer): answer is Observation {
  return typeof answer !== 'string' && !(answer instanceof ProviderError);
}
