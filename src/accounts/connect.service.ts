import { createHash, randomBytes } from 'node:crypto';
import type { ConnectionsService } from '../connections/index.js';
import type { Transaction } from '../database/index.js';
import type { ConnectFlow } from '../database/prisma-client/client.js';
import type { Caller } from '../http/caller.js';
import { invalidField, Problem } from '../http/problem.js';
import type { AnyCall } from '../http/route.js';
import type { Clock } from '../lib/clock.js';
import { betweenCrashPoints } from '../lib/crash-point.js';
import { ProviderError, type ProviderErrorCode } from '../model/index.js';
import type { CallContext, ProviderConnection, Providers } from '../providers/index.js';
import type { ProviderResult } from './accounts.service.js';
import type { ConnectCompletion, ConnectRequest } from './connect.requests.js';
import type { ConnectFlowsRepository } from './connect-flows.repository.js';
import { connectedSince, requireFlow } from './creation.js';

const FLOW_MINUTES = 10;

/** Of a key that may not ask, or not at the moment. */
const UNSPENT: readonly ProviderErrorCode[] = [
  'credential_rejected',
  'permission_denied',
  'quota_exceeded',
  'rate_limited',
  'circuit_open',
];

/** The request that completes a flow: which attempt at it this is. */
type Attempt = Pick<AnyCall, 'attemptOf' | 'begunBefore'>;

/** A flow that the provider has started. */
interface Flow {
  readonly authUrl: string;
  /** `null`: the provider takes the owner back itself, and there is nothing to complete. */
  readonly completion: Completion | null;
}

/** What completes a flow. */
interface Completion {
  readonly state: string;
  readonly teamId: string;
  readonly connectionId: string;
  readonly platform: string;
  /** Without the state. */
  readonly redirectUrl: string;
  readonly expiresAt: Date;
}

/**
 * The flows of providers that connect accounts so. The provider's own `state` can be guessed
 * (SocialSyncer docs, /docs/api/connect), so the callback address carries one of ours: random, good
 * for once and for ten minutes.
 */
export class ConnectService {
  constructor(
    private readonly flows: ConnectFlowsRepository,
    private readonly connections: ConnectionsService,
    private readonly providers: Providers,
    private readonly clock: Clock,
  ) {}

  /** Has the provider begin a flow. */
  async start(caller: Caller, request: ConnectRequest, context: CallContext): Promise<Flow> {
    if (request.connection_id === undefined && request.provider !== undefined)
      requireFlow(this.connections.adapterFor(caller, request.provider));
    const connection = await this.connections.resolve(caller, request);
    const adapter = this.providers.adapters.require(connection.provider);
    requireFlow(adapter);
    if (!adapter.platforms.includes(request.platform))
      throw invalidField('platform', `must be one of: ${adapter.platforms.join(', ')}`);
    const access = this.connections.openAccessTo(connection);
    const { platform, redirect_url: redirectUrl } = request;
    if (!adapter.operations.connectComplete) {
      const asked = { platform, ...(redirectUrl !== undefined && { redirectUrl }) };
      const { authUrl } = await this.providers.connectStart(access, asked, context);
      return { authUrl, completion: null };
    }
    if (redirectUrl === undefined)
      throw invalidField('redirect_url', `is required: ${adapter.name} sends the owner back to it`);
    const state = randomBytes(24).toString('base64url');
    const expiresAt = new Date(this.clock.now().getTime() + FLOW_MINUTES * 60_000);
    const flow = { platform, redirectUrl: withState(redirectUrl, state) };
    const secrets = [state];
    const { authUrl } = await this.providers.connectStart(access, flow, { ...context, secrets });
    const { teamId } = caller;
    const connectionId = connection.id;
    return {
      authUrl,
      completion: { state, teamId, connectionId, platform, redirectUrl, expiresAt },
    };
  }

  /** Stores a flow, so that it can be completed. */
  async save({ prisma }: Transaction, { state, ...flow }: Completion): Promise<void> {
    await this.flows.deleteExpired(prisma, this.clock.now());
    await this.flows.create(prisma, { stateHash: hashOf(state), ...flow });
  }

  /**
   * Exchanges the code for a connected account. Its state is used up first, so that nobody else can
   * use it; a request that was interrupted continues with it when it is sent again.
   * @throws Problem 409 where it is unknown which account a code that was exchanged before belongs
   * to
   */
  async complete(
    caller: Caller,
    { state, code }: ConnectCompletion,
    attempt: Attempt,
    context: CallContext,
  ): Promise<ProviderResult> {
    const stateHash = hashOf(state);
    const flow = await this.flows.use(
      caller.teamId,
      stateHash,
      attempt.attemptOf,
      this.clock.now(),
    );
    if (!flow)
      throw invalidField(
        'state',
        'is unknown, already used, or older than 10 minutes; start again with POST /v1/connect',
      );
    const { platform, redirectUrl } = flow;
    const isFirst = attempt.begunBefore === undefined;
    const unlessSpent = async (error: unknown): Promise<never> => {
      if (isFirst && leavesCodeUnspent(error)) await this.flows.giveBack(stateHash);
      throw error;
    };
    const { connection, access } = await this.accessOf(caller, flow).catch(unlessSpent);
    let id = flow.providerAccountId;
    if (id === null) {
      const traded = { platform, code, redirectUrl: withState(redirectUrl, state) };
      const secrets = [code, state];
      id = await betweenCrashPoints('flow', () =>
        this.providers.connectComplete(access, traded, { ...context, secrets }),
      )
        .then((connected) => connected.id)
        .catch((error: unknown) => {
          const { begunBefore } = attempt;
          if (!begunBefore || !refusesCode(error)) return unlessSpent(error);
          return this.connectedBefore(flow, begunBefore, access, context);
        });
      await this.flows.noteAccount(stateHash, id);
    }
    // The answer's full shape is not documented: the list is the truth.
    const observation = await this.providers.lookUp(access, { id }, context);
    if (!observation)
      throw new ProviderError(
        connection.provider,
        'invalid_answer',
        'The provider reported the account as connected but does not list it.',
      );
    const after = { platform, connection_id: connection.id };
    return { connection, observation, auditEntry: { caller, action: 'account.connected', after } };
  }

  private async accessOf(caller: Caller, flow: ConnectFlow) {
    const connection = await this.connections.get(caller, flow.connectionId);
    return { connection, access: this.connections.openAccessTo(connection) };
  }

  /**
   * The provider's id of the account that an attempt which was cut off had connected: the only one
   * that was connected since it began, but for those of other flows.
   * @throws Problem 409 where there is none, or more than one
   */
  private async connectedBefore(
    flow: ConnectFlow,
    begun: Date,
    access: ProviderConnection,
    context: CallContext,
  ): Promise<string> {
    const ids: string[] = [];
    const { platform } = flow;
    for await (const { account } of connectedSince(
      begun,
      this.providers,
      access,
      platform,
      context,
    ))
      ids.push(account.providerAccountId);
    const others = await this.flows.connectedByOthers(flow, ids);
    const [id, another] = ids.filter((one) => !others.has(one));
    if (id !== undefined && another === undefined) return id;
    const { name } = this.providers.adapters.require(access.provider);
    throw new Problem(
      'conflict',
      `${name} refuses the code, which an earlier attempt at this request may have used before it was cut off. The next sweep of ${flow.connectionId} lists the account if it was connected; otherwise start again with POST /v1/connect.`,
    );
  }
}

/** Whether the provider has not looked at the code. */
function leavesCodeUnspent(error: unknown): boolean {
  if (error instanceof ProviderError) return UNSPENT.includes(error.code);
  return error instanceof Problem;
}

/** Whether the provider took no part of the request but the code amiss, as far as can be told. */
function refusesCode(error: unknown): boolean {
  if (!(error instanceof ProviderError)) return false;
  return !error.outcomeUnknown && !UNSPENT.includes(error.code);
}

/**
 * The address that the provider sends back to. The state is good for an account, so only its hash
 * is stored.
 */
function withState(redirectUrl: string, state: string): string {
  const address = new URL(redirectUrl);
  address.searchParams.set('state', state);
  return address.href;
}

function hashOf(state: string): string {
  return createHash('sha256').update(state).digest('base64url');
}
