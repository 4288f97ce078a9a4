import type { Clock } from '../lib/clock.js';
import { announcedLimit, requestId } from '../lib/http-headers.js';
import type { Span, Tracing } from '../lib/tracing.js';
import {
  type AnyAdapter,
  type Input,
  type OperationName,
  type Output,
  ProviderError,
  type ProviderErrorCode,
  type ProviderRequest,
  type ReadParameter,
  type WholeOperation,
} from '../model/index.js';
import type { CallsInFlight } from './calls-in-flight.js';
import {
  authPartsOf,
  baseOf,
  type ProviderConnection,
  secretNamesOf,
  secretsOf,
} from './connection.js';
import type { Progress } from './deadline.js';
import type { FreshCredentials } from './fresh-credentials.js';
import { outgoing } from './outgoing.js';
import { type CallPolicies, guarded } from './policies.js';
import { isFailure, type ProviderRuntime } from './provider-runtime.js';
import { type AnswerShape, readAnswer } from './read-answer.js';
import type { Registry } from './registry.js';
import type { PolicySettings } from './settings.js';
import { siteOf } from './site.js';
import { deadlinePassed } from './translate-error.js';

/** What a caller may say of one call. */
export interface CallContext {
  /** Stops the call, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** W3C trace context, passed on to the provider. */
  readonly traceparent?: string;
  /** Shortens the deadline of the call (of each page, for a walk). */
  readonly deadlineMs?: number;
  /** Secrets in the call's input, redacted in its errors like the connection's key. */
  readonly secrets?: readonly string[];
  /** Is called with each response that has a status, errors included. */
  readonly onAnswer?: (answer: ResponseFacts) => void;
}

/** The bare facts of one answer, for the record. */
export interface ResponseFacts {
  readonly operation: OperationName;
  readonly status: number;
  readonly shape: AnswerShape;
  /** The provider's own id of the request, if it sends one. */
  readonly requestId: string | null;
  readonly at: Date;
}

/** One finished attempt; a call that is retried makes several. */
export interface AttemptOutcome {
  readonly provider: string;
  /** The provider at the origin that was asked. */
  readonly site: string;
  readonly connectionId: string;
  readonly operation: OperationName;
  readonly outcome: 'ok' | ProviderErrorCode;
  readonly latencyMs: number;
  /** When the request was sent. */
  readonly at: Date;
}

/** What executing an operation at a provider needs. */
export interface Executor {
  readonly registry: Registry;
  readonly runtime: ProviderRuntime;
  readonly clock: Clock;
  readonly tracing: Tracing;
  readonly policies: PolicySettings;
  readonly inFlight: CallsInFlight;
  /** Absent: credentials are not refreshed. */
  readonly fresh?: FreshCredentials;
  readonly onOutcome: (outcome: AttemptOutcome) => void;
}

/** What a provider answered, and the instant before it was asked. */
interface Answered<Value> {
  readonly value: Value;
  /** The answer's text. */
  readonly body: string;
  /** What was sent and is never shown of it. */
  readonly secrets: readonly string[];
  readonly askedAt: Date;
}

/** May be asked again without harm. */
const READS: ReadonlySet<OperationName> = new Set([
  'list',
  'health',
  'get',
  'detail',
  'verify',
  'activity',
  'stats',
  'connectStart',
]);

/**
 * One call of one operation: the policies around send, parse and map.
 * @throws ProviderError
 * @throws Error when the provider does not offer the operation (ask `supports` first)
 */
export function execute<Name extends OperationName>(
  executor: Executor,
  connection: ProviderConnection,
  name: Name,
  input: Input<Name>,
  context: CallContext,
): Promise<Answered<Output<Name>>> {
  const call = (signal: AbortSignal) =>
    executeFresh(executor, connection, name, input, { ...context, signal });
  // One that is not stored yet cannot be deleted.
  return connection.isUnstored
    ? executeAbortable(executor, connection, name, input, context)
    : executor.inFlight.run(
        connection.id,
        READS.has(name) ? 'read' : 'change',
        context.signal,
        call,
      );
}

/**
 * A call with an access token that works: refreshed before its end, and once more when the provider
 * rejects it, which has then done nothing.
 */
async function executeFresh<Name extends OperationName>(
  executor: Executor,
  connection: ProviderConnection,
  name: Name,
  input: Input<Name>,
  context: CallContext,
): Promise<Answered<Output<Name>>> {
  const { fresh } = executor;
  const adapter = executor.registry.require(connection.provider);
  if (fresh === undefined || adapter.operations.refresh === undefined)
    return executeAbortable(executor, connection, name, input, context);
  // Whoever stops waiting does not stop it: its answer would be lost to all.
  const ask = async (held: ProviderConnection) =>
    (await executeAbortable(executor, held, 'refresh', {}, {})).value;
  const current = await fresh.current(adapter, connection, ask);
  try {
    return await executeAbortable(executor, current, name, input, context);
  } catch (error) {
    if (!isRejection(error)) throw error;
    const replaced = await fresh.replaced(current, ask);
    return executeAbortable(executor, replaced, name, input, context);
  }
}

/** The provider's own, and not that the key is not sent for having been rejected before. */
function isRejection(error: unknown): boolean {
  return (
    error instanceof ProviderError && error.code === 'credential_rejected' && error.status !== null
  );
}

async function executeAbortable<Name extends OperationName>(
  executor: Executor,
  connection: ProviderConnection,
  name: Name,
  input: Input<Name>,
  context: CallContext,
): Promise<Answered<Output<Name>>> {
  const adapter = executor.registry.require(connection.provider);
  const operation = operationOf(adapter, name);
  const request = operation.request(input, readerOf(adapter, connection));
  const base = baseOf(adapter, connection, name);
  const { auth = name === 'refresh' ? [] : adapter.auth } = operation;
  const ownSecrets = secretsOf(adapter, connection);
  const site = siteOf(adapter, connection.baseUrl);
  const sender = executor.runtime.sender(adapter);
  const policies = executor.runtime.policies(adapter, connection, base, name);
  const isRead = READS.has(name);
  const longestMs = isRead ? executor.policies.readDeadlineMs : executor.policies.writeDeadlineMs;
  const deadlineMs = Math.min(context.deadlineMs ?? longestMs, longestMs);

  const attempt = async (progress: Progress): Promise<Answered<Output<Name>>> => {
    const { signal } = progress;
    const askedAt = executor.clock.now();
    const startedAt = performance.now();
    const span = startSpan(
      executor,
      { connection, name, method: request.method, origin: base.origin },
      context,
    );
    let result = 'stopped' as AttemptOutcome['outcome'] | 'stopped';
    let status: number | undefined;
    let release: (() => void) | undefined;
    const finish = (outcome: AttemptOutcome['outcome']) => {
      result = outcome;
      const latencyMs = performance.now() - startedAt;
      // A 404 about one account shows neither that the provider works nor that it does not.
      if (outcome !== 'not_found')
        executor.runtime.last(site).note(isFailure(outcome) ? outcome : null);
      executor.onOutcome({
        provider: adapter.id,
        site,
        connectionId: connection.id,
        operation: name,
        outcome,
        latencyMs,
        at: askedAt,
      });
    };
    const hear = (status: number, shape: AnswerShape, id: string | null) =>
      context.onAnswer?.({
        operation: name,
        status,
        shape,
        requestId: id,
        at: executor.clock.now(),
      });
    try {
      const { credentials } = connection;
      const { traceparent } = span;
      const parts = { base, credentials, traceparent, now: askedAt, auth: authPartsOf({ auth }) };
      const sent = outgoing(adapter, request, parts);
      const answer = await sender.send(sent, base.origin, progress);
      ({ status, release } = answer);
      const now = executor.clock.now();
      policies.rateLimiter.learn(announcedLimit(answer.headers, now, adapter.rateLimitHeaders));
      const secrets = [...ownSecrets, ...(context.secrets ?? [])];
      const reading = await readAnswer({ adapter, name, operation, input, secrets, now }, answer);
      hear(answer.status, reading.shape, requestId(answer.headers));
      if ('error' in reading) throw reading.error;
      finish('ok');
      return { value: reading.value, body: answer.body, askedAt, secrets: ownSecrets };
    } catch (error) {
      // The caller stopped: that says nothing of the provider.
      context.signal?.throwIfAborted();
      const failure =
        signal.aborted && !(error instanceof ProviderError)
          ? deadlinePassed(adapter, deadlineMs)
          : error;
      if (failure instanceof ProviderError) {
        // Headers came, and no whole body.
        if (status === undefined && failure.status !== null)
          hear(failure.status, 'unreadable', null);
        heedRateLimit(policies, failure);
        finish(failure.code);
      }
      throw failure;
    } finally {
      release?.();
      span.end(
        {
          'rollcall.outcome': result,
          ...(status !== undefined && { 'http.response.status_code': status }),
        },
        result !== 'ok',
      );
    }
  };

  return guarded(
    {
      adapter,
      policies,
      subject: 'id' in input ? input.id : undefined,
      clock: executor.clock,
      settings: executor.policies,
      deadlineMs,
      attempts: isRead ? executor.policies.readAttempts : 1,
      signal: context.signal,
    },
    attempt,
  );
}

/** Requests are made with public parameters alone. */
function readerOf(adapter: AnyAdapter, { credentials }: ProviderConnection): ReadParameter {
  const secrets = secretNamesOf(adapter);
  return (name) => (secrets.has(name) ? '' : (credentials[name] ?? ''));
}

/**
 * One for each attempt: what goes out names it. The path stays out, as it may hold what a caller
 * sent.
 */
function startSpan(
  { tracing }: Executor,
  { connection, name, method, origin }: SpanSubject,
  { traceparent }: CallContext,
): Span {
  const facts = {
    'rollcall.provider': connection.provider,
    'rollcall.operation': name,
    'rollcall.connection_id': connection.id,
    'http.request.method': method,
    'server.address': new URL(origin).hostname,
  };
  return tracing.start('client', `${connection.provider} ${name}`, facts, traceparent);
}

interface SpanSubject {
  readonly connection: ProviderConnection;
  readonly name: OperationName;
  readonly method: ProviderRequest['method'];
  /** Of the provider. */
  readonly origin: string;
}

function operationOf<Name extends OperationName>(
  adapter: AnyAdapter,
  name: Name,
): WholeOperation<Name> {
  const operations: { readonly [Each in OperationName]?: WholeOperation<Each> } =
    adapter.operations;
  const operation = operations[name];
  if (operation === undefined)
    throw new Error(`${adapter.name} does not support the operation "${name}".`);
  return operation;
}

function heedRateLimit(policies: CallPolicies, error: ProviderError): void {
  if (error.code === 'rate_limited' && error.retryAfterSeconds !== null)
    policies.rateLimiter.block(error.retryAfterSeconds);
}
