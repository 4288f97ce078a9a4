import type {
  AnyAdapter,
  Input,
  ObservedAccount,
  OperationName,
  Output,
  WholeOperation,
} from '../../src/model/index.js';
import { isObservation, type Observation, readAccount } from '../../src/providers/read-account.js';
import { expect } from '../support/jest.js';

export const OBSERVED_AT = new Date('2026-06-03T00:00:00Z');

/** One look at an account: its wire object, read field by field. */
export function look(
  adapter: AnyAdapter,
  wire: unknown,
  observedAt = OBSERVED_AT,
): ObservedAccount {
  return observe(adapter, wire, observedAt).account;
}

/** As `look`, with the fields that could not be read. */
export function observe(
  adapter: AnyAdapter,
  wire: unknown,
  observedAt = OBSERVED_AT,
): Pick<Observation, 'account' | 'degraded'> {
  const reading = readAccount(adapter, wire, observedAt, [NO_KEY]);
  if (!isObservation(reading)) throw new Error(`It is set aside: ${reading.reason}`);
  return reading;
}

/** Reads the parameters of a connection that has none. */
export const noParameter = () => '';

/** A key that nothing echoes. */
const NO_KEY = 'sk_live_00000000000000000000';

/** An operation's answer, read and mapped. */
export function answer<Name extends OperationName>(
  operation: WholeOperation<Name> | undefined,
  body: unknown,
  input: Input<Name>,
): Output<Name> {
  if (!operation) throw new Error('The adapter does not declare this operation.');
  return operation.map(operation.response.parse(body), input, {});
}

/** Our code for the provider's error body; `null` leaves it to the HTTP status. */
export function faultCode({ errorBody }: AnyAdapter, body: unknown): string | null {
  const parsed = errorBody.schema.safeParse(body);
  const code = parsed.success ? errorBody.read(parsed.data, {}).code : null;
  return code === null ? null : (errorBody.codes[code] ?? null);
}

/** The account's row of the status and health table. */
export function expectState(
  account: ObservedAccount,
  state: readonly [
    status: string | null,
    health: string,
    reason: string | null,
    fault: string | null,
  ],
) {
  const { status, verdict } = account;
  expect([status, verdict.status, verdict.reason, verdict.fault]).toStrictEqual(state);
}
