import { ACCOUNT_REPORTS, createAccounts } from './accounts/index.js';
import { createAudit } from './audit/index.js';
import { CredentialRefresh, createConnections } from './connections/index.js';
import type { Database } from './database/index.js';
import {
  type AgentLimits,
  createDisconnects,
  DISCONNECT_STEPS,
  type DisconnectSettings,
} from './disconnects/index.js';
import { createEvents } from './events/index.js';
import { createFindings } from './findings/index.js';
import { createHealth } from './health/index.js';
import type { RateLimit } from './http/caller.js';
import { createCursors, createListCursors } from './http/cursor.js';
import { Idempotency } from './http/idempotency.js';
import { Load, type LoadLimits } from './http/load.js';
import { createMetrics, type Siblings } from './http/metrics.js';
import { RateLimiter } from './http/rate-limit.js';
import type { Clock } from './lib/clock.js';
import type { Logger } from './lib/logger.js';
import { type Tracing, UNTRACED } from './lib/tracing.js';
import type { AnyAdapter } from './model/index.js';
import { createProfiles } from './profiles/index.js';
import {
  createProviderStatus,
  createProviders,
  type PolicySettings,
  SharedLimits,
} from './providers/index.js';
import { createSecrets } from './secrets/index.js';
import { createSweeps, SWEEPS, type SweepLimits } from './sweeps/index.js';
import { createTeams } from './teams/index.js';
import { createViews } from './views/index.js';
import { createWebhooks, WebhookAddresses } from './webhooks/index.js';
import { type RecurringJob, RecurringJobs, type Role, WorkEngine } from './work/index.js';

/** What the components are made with; everything optional has the default of production. */
export interface ComponentSettings {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  /** None when left out. */
  readonly tracing?: Tracing;
  /** 32 bytes in base64. */
  readonly secret: string;
  /** Those that were in use before, or will be; none when left out. */
  readonly previousSecrets?: readonly string[];
  readonly sweepIntervalSeconds: number;
  /** `all` when left out. */
  readonly role?: Role;
  /** Over the defaults, like those below. */
  readonly policies?: Partial<PolicySettings>;
  readonly disconnects?: Partial<DisconnectSettings>;
  readonly agentLimits?: Partial<AgentLimits>;
  readonly sweeps?: Partial<SweepLimits>;
  /** Of keys that have none of their own. */
  readonly rateLimit?: RateLimit;
  /** Over the defaults. */
  readonly load?: Partial<LoadLimits>;
  /** Those in `adapters/` when left out. */
  readonly adapters?: readonly AnyAdapter[];
  /** The other processes behind the same port; none when left out. */
  readonly siblings?: Siblings;
  /** Where webhooks may be sent; public addresses when left out. */
  readonly webhookAddresses?: WebhookAddresses;
}

export type Components = ReturnType<typeof connectComponents>;

/** Makes every component and connects them, without a call to anything outside. */
export function connectComponents(settings: ComponentSettings) {
  const toolkit = createToolkit(settings);
  const { parts, secrets, feedCursors, metrics } = toolkit;
  const { database, lease, providers, clock, logger } = parts;
  const providerIds = providers.adapters.all().map(({ id }) => id);

  const audit = createAudit({ ...parts, signer: secrets.signer });
  const teams = createTeams({
    ...parts,
    providerIds,
    disableWebhooks: (...asked) => webhooks.service.disableSetBy(...asked),
  });
  const events = createEvents({
    ...parts,
    cursors: feedCursors,
    findAccount: (...asked) => accounts.service.find(...asked),
  });
  const connections = createConnections({
    ...parts,
    sweepIntervalSeconds: settings.sweepIntervalSeconds,
    afterConnecting: {
      requestSweep: async (transaction, caller, connection) => {
        await sweeps.service.interrupt(transaction.client, connection.id);
        await sweeps.service.request(transaction, caller, connection);
      },
      wakeSweeps: () => sweeps.service.wake(),
      endSweep: ({ client }, connectionId) => sweeps.service.end(client, connectionId),
      abortWork: (connectionId) => work.abortLane(connectionId),
      resumeDisconnects: (connectionId) => disconnects.resume(connectionId),
    },
    lookAt: (connectionId, ids) => accounts.lookAt(connectionId, ids),
  });
  const profiles = createProfiles(parts);
  const { settleProfiles } = profiles;
  const findings = createFindings({ ...parts, profiles });
  const accounts = createAccounts({
    ...parts,
    connections: connections.service,
    settleProfiles,
    sweepSoon: connections.sweepSoon,
    wakeReports: () => work.wake(ACCOUNT_REPORTS),
  });
  const health = createHealth({
    ...parts,
    accounts: accounts.service,
    accountsRepository: accounts.repository,
    feeds: events.reader,
    cursors: feedCursors,
    addresses: (client) => connections.addresses(undefined, client),
  });
  const providerStatus = createProviderStatus({
    ...parts,
    recentIncidents: () => health.incidents.recent(),
    addresses: connections.addresses,
  });
  const sweeps = createSweeps({
    ...parts,
    holder: lease.name,
    connections: connections.service,
    metrics,
    settleProfiles,
    limits: settings.sweeps ?? {},
    wake: () => work.wake(SWEEPS),
  });
  const disconnects = createDisconnects({
    ...parts,
    connections: connections.service,
    accounts: accounts.service,
    settleProfiles,
    readWholeProfile: profiles.readWholeProfile,
    signer: secrets.signer,
    receiptKeys: () => secrets.service.receiptKeys(),
    settings: settings.disconnects ?? {},
    agentLimits: settings.agentLimits ?? {},
    wake: () => work.wake(DISCONNECT_STEPS),
  });
  const views = createViews(parts);
  const webhooks = createWebhooks({
    ...parts,
    feed: events.feed,
    requireLiveKey: (client, caller) => teams.keys.requireLive(client, caller),
    addresses: settings.webhookAddresses ?? new WebhookAddresses(false),
  });

  const work = new WorkEngine([sweeps.work, disconnects.work, webhooks.work, accounts.work], {
    clock,
    logger,
    holder: lease.name,
    observe: metrics.observeWork,
  });
  metrics.watchWork(() => work.depths(), clock);
  metrics.watchFeeds(async () => (await events.publisher.lag()).seconds);

  const components = {
    secrets,
    audit,
    connections,
    sweeps,
    disconnects,
    providerStatus,
    health,
    accounts,
    profiles,
    findings,
    events,
    webhooks,
    teams,
  };
  const jobs = [
    ...toolkit.jobs,
    ...Object.values(components).flatMap((component) => component.jobs),
  ];
  const recurringJobs = new RecurringJobs({
    jobs: settings.role === 'api' ? jobs.filter(({ servesRequests }) => servesRequests) : jobs,
    clock,
    logger,
    observe: metrics.observeJob,
    noteFailure: (error) => database.reachability.note(error),
  });
  return { ...toolkit, ...components, views, work, recurringJobs };
}

/** What the components share, and what belongs to none of them. */
function createToolkit(settings: ComponentSettings) {
  const { database, clock, logger, policies, tracing = UNTRACED } = settings;
  const secrets = createSecrets({ previousSecrets: [], ...settings });
  const { sealer, lease } = secrets;
  const feedCursors = createCursors(sealer);
  const cursors = createListCursors(feedCursors, clock);
  const metrics = createMetrics(settings.siblings);
  metrics.watchReplicas(() => database.replicas.lags);
  const load = new Load(database, settings.load);
  const rateLimiter = new RateLimiter(database, clock, logger, settings.rateLimit);
  const idempotency = new Idempotency(database, lease, sealer, clock);
  const sharedLimits = new SharedLimits(database, clock, (text) => sealer.sign(text));
  const providers = createProviders({
    clock,
    sharedLimits,
    logger,
    tracing,
    ...(policies && { policies }),
    ...(settings.adapters && { adapters: settings.adapters }),
    keeper: new CredentialRefresh({
      database,
      lease,
      sealer,
      clock,
      lasts: (id) => providers.adapters.require(id).refreshTokenLasts ?? false,
    }),
  });
  providers.onOutcome(({ provider, operation, outcome, latencyMs }) =>
    metrics.observeProviderCall(provider, operation, outcome, latencyMs),
  );
  metrics.watchProviders(() => providers.traffic());
  const parts = { database, lease, providers, sealer, cursors, clock, logger, tracing };
  metrics.watchPool(() => ({
    total: database.pool.totalCount,
    idle: database.pool.idleCount,
    waiting: database.pool.waitingCount + database.slots.waiting(),
  }));
  metrics.watchRequests(() => load.underWay);
  const jobs: readonly RecurringJob[] = [
    {
      name: 'process.renew_lease',
      everyMs: 5_000,
      run: () => lease.renew(),
      servesRequests: true,
    },
    { name: 'idempotency.expire', everyMs: 15_000, run: () => idempotency.expire() },
    { name: 'idempotency.release', everyMs: 1_000, run: () => idempotency.releaseLeft() },
    { name: 'rate_limits.expire', everyMs: 15_000, run: () => rateLimiter.expire() },
    {
      name: 'providers.give_back_limits',
      everyMs: 1_000,
      run: () => sharedLimits.giveBackUnused(),
      servesRequests: true,
    },
    { name: 'providers.expire_limits', everyMs: 60_000, run: () => sharedLimits.deleteExpired() },
  ];
  return { parts, secrets, feedCursors, metrics, load, rateLimiter, idempotency, jobs };
}
