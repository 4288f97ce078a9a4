import {
  type AnyAdapter,
  handle,
  type Input,
  type OperationName,
  type Output,
  type ProviderError,
  type WholeOperation,
} from '../model/index.js';
import { errorMember, isSuccessWord, readBody, saysThereIsMore } from './answer-body.js';
import { isObservation, type Observation, readAccount } from './read-account.js';
import type { ProviderResponse } from './response.js';
import {
  faultFacts,
  firstIssue,
  invalidAnswer,
  ownFault,
  refusal,
  refusalInSuccess,
} from './translate-error.js';

/** What an answer is, as far as it proves anything. */
export type AnswerShape =
  /** The account that was asked for. */
  | 'account'
  /** Another account than was asked for. */
  | 'other_account'
  /** A page of the list that more pages follow. */
  | 'list_page'
  /** The list's end: with the pages before it, all that the provider lists. */
  | 'list_complete'
  | 'health_report'
  /** The documented success of any other operation. */
  | 'success'
  /** The provider's own statement that it does not know the account. */
  | 'not_found'
  /** The provider's own refusal or failure. */
  | 'error'
  /** Nothing that the provider documents: cut off, a proxy's page, another document. */
  | 'unreadable';

/** One answer, read. */
type Reading<Value> =
  | { readonly shape: AnswerShape; readonly value: Value }
  | { readonly shape: AnswerShape; readonly error: ProviderError };

/** One call that was answered. */
interface AnsweredCall<Name extends OperationName> {
  readonly adapter: AnyAdapter;
  readonly name: Name;
  readonly operation: WholeOperation<Name>;
  readonly input: Input<Name>;
  /** What was sent and is never shown. */
  readonly secrets: readonly string[];
  readonly now: Date;
}

/** Successes, where an operation documents no others. */
const SUCCESS_STATUSES: readonly number[] = [200, 201, 202, 204];

/** Operations whose answers may be about many accounts: some keys are verified by a list. */
const IN_BULK: ReadonlySet<OperationName> = new Set(['list', 'health', 'verify', 'activity']);
/** No answer about one account is longer, in characters. */
const MAX_SINGLE_LENGTH = 1_024 * 1_024;

/**
 * Reads an answer. It proves what it says only when its status is one that the operation documents,
 * it is whole, it is of the provider's own shape and it carries no error.
 */
export async function readAnswer<Name extends OperationName>(
  call: AnsweredCall<Name>,
  answer: ProviderResponse,
): Promise<Reading<Output<Name>>> {
  try {
    return await read(call, answer);
  } catch (error) {
    // JSON that is nested ten thousand levels deep overflows the stack of the code that reads it.
    if (!(error instanceof RangeError)) throw error;
    const what = 'JSON that is nested too deep';
    return { shape: 'unreadable', error: invalidAnswer(call.adapter, what, answer.status) };
  }
}

async function read<Name extends OperationName>(
  call: AnsweredCall<Name>,
  answer: ProviderResponse,
): Promise<Reading<Output<Name>>> {
  const { adapter, name, operation } = call;
  if (!IN_BULK.has(name) && answer.body.length > MAX_SINGLE_LENGTH)
    return {
      shape: 'unreadable',
      error: invalidAnswer(adapter, `more than ${MAX_SINGLE_LENGTH / 1_024} KiB`, answer.status),
    };
  const body = await readBody(answer);
  if (answer.status >= 400) return refusal(call, answer, body);
  const unreadable = (what: string): Reading<never> => ({
    shape: 'unreadable',
    error: invalidAnswer(adapter, what, answer.status),
  });
  if (!(operation.statuses ?? SUCCESS_STATUSES).includes(answer.status))
    return unreadable(`status ${answer.status}, which is not documented for this operation`);
  if (body.kind === 'foreign') return unreadable(body.what);
  if (body.kind === 'json') {
    if (body.value === null) return unreadable('null instead of a JSON document');
    const member = errorIn(call, answer, body.value);
    if (member !== undefined)
      return (
        refusalInSuccess(call, answer, body.value) ?? {
          shape: 'error',
          error: errorInSuccess(call, answer, body.value, member),
        }
      );
  }
  const parsed = operation.response.safeParse(body.kind === 'json' ? body.value : null);
  if (!parsed.success)
    return unreadable(`a body that does not match its documentation: ${firstIssue(parsed.error)}`);
  const value = operation.map(parsed.data, call.input, answer.headers);
  if ((name === 'list' || name === 'health') && !hasNext(value)) {
    if (body.kind === 'json' && saysThereIsMore(body.value, answer.headers))
      return unreadable('a list that is marked as incomplete');
  }
  return readValue(call, answer, parsed.data, value);
}

/** What the operation's own output is evidence of. */
function readValue<Name extends OperationName>(
  call: AnsweredCall<Name>,
  { status }: ProviderResponse,
  wire: unknown,
  value: Output<Name>,
): Reading<Output<Name>> {
  const { adapter, name, operation } = call;
  switch (name) {
    case 'list':
      return { shape: hasNext(value) ? 'list_page' : 'list_complete', value };
    case 'health':
      return { shape: 'health_report', value };
    case 'get':
    case 'create':
    case 'update': {
      const reading = readAccount(adapter, value, call.now, call.secrets);
      if (!isObservation(reading)) {
        const what = `an account that does not match its documentation: ${reading.reason}`;
        return { shape: 'unreadable', error: invalidAnswer(adapter, what, status) };
      }
      return isMeant(call.input, reading.account)
        ? { shape: 'account', value }
        : otherAccount(adapter, status);
    }
    default: {
      const subject = operation.subject?.(wire);
      const asked = 'id' in call.input ? call.input.id : undefined;
      return subject == null || subject === asked
        ? { shape: 'success', value }
        : otherAccount(adapter, status);
    }
  }
}

function hasNext(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'next' in value && value.next !== undefined;
}

function otherAccount(adapter: AnyAdapter, status: number): Reading<never> {
  const error = invalidAnswer(adapter, 'a different account than the requested one', status);
  return { shape: 'other_account', error };
}

/** Whether an account is the one that was asked for by id, or that was to be made. */
function isMeant(input: Input<OperationName>, account: Observation['account']): boolean {
  if ('id' in input) return account.providerAccountId === input.id;
  return (
    !('username' in input) ||
    (isSame(account.platform, input.platform) &&
      isSame(account.username, handle(input.username.trim())))
  );
}

/** Names are compared without case; an unknown one is no contradiction. */
function isSame(answered: string | null, asked: string | null): boolean {
  const folded = (name: string) => name.normalize('NFC').toLowerCase();
  return answered === null || asked === null || folded(answered) === folded(asked);
}

/** The member by which a response with a success status says that it is an error. */
function errorIn(
  { adapter, name, operation, now, secrets }: AnsweredCall<OperationName>,
  { headers }: ProviderResponse,
  document: unknown,
): string | undefined {
  // The `status: error` of an account, or of what is told of one alone, is its own.
  const isAccount =
    name === 'get' || name === 'create' || name === 'update'
      ? isObservation(readAccount(adapter, document, now, secrets))
      : name === 'detail' && operation.response.safeParse(document).success;
  const member = errorMember(document, isAccount);
  if (member !== undefined) return member;
  const code = ownFault(adapter, document, headers)?.code ?? null;
  return code === null || isSuccessWord(code) ? undefined : 'code';
}

/** Reports the error without guessing what it means, as its status does not say. */
function errorInSuccess(
  { adapter, secrets, now }: AnsweredCall<OperationName>,
  answer: ProviderResponse,
  document: unknown,
  member: string,
): ProviderError {
  const facts = faultFacts(ownFault(adapter, document, answer.headers), answer, secrets, now);
  const what = `status ${answer.status} and an error in the body (${member})`;
  return invalidAnswer(adapter, what, answer.status, facts);
}
