import { createHash, randomBytes } from 'node:crypto';
import type { AccountsService } from '../accounts/accounts.service.js';
import type { Database } from '../database/index.js';
import { invalidField, Problem } from '../http/problem.js';
import type { Clock } from '../lib/clock.js';
import { ProviderError } from '../model/index.js';
import type { CallContext, Providers } from '../providers/index.js';
import type { Caller } from '../teams/caller.js';
import type { ConnectionsService } from './connections.service.js';

const FLOW_MINUTES = 10;

export interface ConnectRequest {
  readonly connection_id?: string | undefined;
  readonly provider?: string | undefined;
  readonly platform: string;
  readonly redirect_url: string;
}

/**
 * The OAuth flow of providers that connect accounts so. The provider's own `state` can be guessed (SocialSyncer docs, /docs/api/connect),
 * so the callback address carries one of ours: random, good for once and for ten minutes.
 */
export class ConnectService {
  constructor(
    private readonly database: Database,
    private readonly connections: ConnectionsService,
    private readonly accounts: AccountsService,
    private readonly providers: Providers,
    private readonly clock: Clock,
  ) {}

  async start(caller: Caller, request: ConnectRequest, context: CallContext) {
    const connection = await this.connections.resolve(caller, request);
    const adapter = this.providers.adapters.get(connection.provider);
    if (!adapter?.operations.connectStart) {
      const connect = adapter?.connect;
      const detail = `${adapter?.name} has no connect flow over its API. ${connect?.instructions ?? 'Use POST /v1/accounts.'}`;
      throw new Problem('operation_not_supported', detail, connect ? { connect } : {});
    }
    if (!adapter.platforms.includes(request.platform)) throw invalidField('platform', `must be one of: ${adapter.platforms.join(', ')}`);
    const state = randomBytes(24).toString('base64url');
    const expiresAt = new Date(this.clock.now().getTime() + FLOW_MINUTES * 60_000);
    const { platform, redirect_url: redirectUrl } = request;
    const flow = { platform, redirectUrl: withState(redirectUrl, state) };
    const { authUrl } = await this.providers.connectStart(this.connections.open(connection), flow, context);
    await this.database.prisma.connectFlow.deleteMany({ where: { expiresAt: { lt: this.clock.now() } } });
    await this.database.prisma.connectFlow.create({
      data: { stateHash: hashOf(state), teamId: caller.teamId, connectionId: connection.id, platform, redirectUrl, expiresAt },
    });
    return { auth_url: authUrl, state, expires_at: expiresAt };
  }

  /** Trades the code for a connected account. @returns its id */
  async complete(caller: Caller, state: string, code: string, context: CallContext): Promise<string> {
    const now = this.clock.now();
    const where = { stateHash: hashOf(state), teamId: caller.teamId };
    const taken = await this.database.prisma.connectFlow.updateMany({
      where: { ...where, usedAt: null, expiresAt: { gt: now } },
      data: { usedAt: now },
    });
    if (taken.count === 0) throw invalidField('state', 'is unknown, used or older than ten minutes; start again with POST /v1/connect');
    const flow = await this.database.prisma.connectFlow.findUniqueOrThrow({ where: { stateHash: where.stateHash } });
    const connection = await this.connections.get(caller, flow.connectionId);
    const access = this.connections.open(connection);
    const { platform } = flow;
    const redirectUrl = withState(flow.redirectUrl, state);
    const { id } = await this.providers.connectComplete(access, { platform, code, redirectUrl }, context);
    // The answer's full shape is not documented: the list is the truth.
    const sighting = await this.providers.lookUp(access, { id, platform }, context);
    if (!sighting)
      throw new ProviderError(connection.provider, 'invalid_answer', 'The provider reports the account connected but does not list it.');
    return this.accounts.write(connection, sighting, {
      caller,
      action: 'account.connected',
      after: { platform, connection_id: connection.id },
    });
  }
}

/** The address that the provider sends back to. The state is good for an account, so only its hash is stored. */
function withState(redirectUrl: string, state: string): string {
  const address = new URL(redirectUrl);
  address.searchParams.set('state', state);
  return address.href;
}

function hashOf(state: string): string {
  return createHash('sha256').update(state).digest('base64url');
}
