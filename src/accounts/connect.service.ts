import { createHash, randomBytes } from 'node:crypto';
import type { ConnectionsService } from '../connections/index.js';
import type { Transaction } from '../database/index.js';
import type { Caller } from '../http/caller.js';
import { invalidField, Problem } from '../http/problem.js';
import type { Clock } from '../lib/clock.js';
import { ProviderError } from '../model/index.js';
import type { CallContext, Providers } from '../providers/index.js';
import type { ProviderResult } from './accounts.service.js';
import type { ConnectRequest } from './connect.requests.js';
import type { ConnectFlowsRepository } from './connect-flows.repository.js';

const FLOW_MINUTES = 10;

/** A flow that the provider has started. */
export interface Flow {
  readonly authUrl: string;
  /** `null`: the provider takes the owner back itself, and there is nothing to complete. */
  readonly completion: Completion | null;
}

/** What completes a flow. */
export interface Completion {
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
    const connection = await this.connections.resolve(caller, request);
    const adapter = this.providers.adapters.require(connection.provider);
    if (!adapter.operations.connectStart) {
      const { connect } = adapter;
      const detail = `${adapter.name} has no connect flow over its API. ${connect?.instructions ?? 'Use POST /v1/accounts.'}`;
      throw new Problem('operation_not_supported', detail, connect ? { connect } : {});
    }
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
   * Trades the code for a connected account. Its state is used up first, so that nobody
   * else can use it.
   */
  async complete(
    caller: Caller,
    state: string,
    code: string,
    context: CallContext,
  ): Promise<ProviderResult> {
    const flow = await this.flows.use(caller.teamId, hashOf(state), this.clock.now());
    if (!flow)
      throw invalidField(
        'state',
        'is unknown, already used, or older than 10 minutes; start again with POST /v1/connect',
      );
    const connection = await this.connections.get(caller, flow.connectionId);
    const access = this.connections.openAccessTo(connection);
    const { platform } = flow;
    const redirectUrl = withState(flow.redirectUrl, state);
    const { id } = await this.providers.connectComplete(
      access,
      { platform, code, redirectUrl },
      { ...context, secrets: [code, state] },
    );
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
