import { createHash } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { ACCOUNT_REPORTS, createAccounts } from './accounts/index.js';
import { consolePages } from './api/console.pages.js';
import { documentationPages } from './api/documentation.pages.js';
import { documentationEndpoints } from './api/documentation.routes.js';
import { type Endpoints, routes } from './api/routes.js';
import { systemEndpoints } from './api/system.routes.js';
import { createAudit } from './audit/index.js';
import type { ConnectionsService } from './connections/index.js';
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
import { createCursors, createListCursors, hourOf } from './http/cursor.js';
import { Idempotency } from './http/idempotency.js';
import { inProcessFetch } from './http/in-process.js';
import { Load, type LoadLimits } from './http/load.js';
import { createMetrics, type Siblings } from './http/metrics.js';
import { RateLimiter } from './http/rate-limit.js';
import { Reads } from './http/reads.js';
import type { Route } from './http/route.js';
import { createServer } from './http/server.js';
import type { Clock } from './lib/clock.js';
import type { Logger } from './lib/logger.js';
import { type Tracing, UNTRACED } from './lib/tracing.js';
import { VERSION } from './lib/version.js';
import { hostGuard, mcpRoute, type PublicPlace } from './mcp/index.js';
import type { AnyAdapter } from './model/index.js';
import { createProfiles } from './profiles/index.js';
import {
  createProviderStatus,
  createProviders,
  operationsOf,
  type PolicySettings,
  SharedLimits,
} from './providers/index.js';
import { createSecrets } from './secrets/index.js';
import { createSweeps, SWEEPS, type SweepLimits, type SweepsService } from './sweeps/index.js';
import { createTeams, type TeamsService } from './teams/index.js';
import { createViews } from './views/index.js';
import { createWebhooks, WebhookAddresses } from './webhooks/index.js';
import { type RecurringJob, RecurringJobs, type Role, WorkEngine } from './work/index.js';

/** What an app is made with; everything optional has the default of production. */
export interface AppSettings {
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
  /** Whether a proxy in front says what callers call us; not when left out. */
  readonly trustProxy?: boolean;
  /** Under which names it is reached; this machine's own when left out. */
  readonly place?: PublicPlace;
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
  /** The OpenAPI document of `routes`, as the build made it. */
  readonly openApi: string;
  /** That the console was built into; none is served when left out. */
  readonly consoleFolder?: string;
  /** The other processes behind the same port; none when left out. */
  readonly siblings?: Siblings;
  /** Where webhooks may be sent; public addresses when left out. */
  readonly webhookAddresses?: WebhookAddresses;
}

const LOCAL_PLACE: PublicPlace = { host: '127.0.0.1', publicUrl: undefined };

/** All that a worker serves. */
const WORKER_PATHS = ['/livez', '/readyz', '/metrics'];

/** The gateway, put together. It does not listen; `start` begins its background work. */
export interface App {
  /** This process's name in the database. */
  readonly processName: string;
  readonly http: RequestListener;
  /** Every URL of the API. */
  readonly routes: readonly Route[];
  /** What answers them, by tag and name. */
  readonly endpoints: Endpoints;
  readonly teams: TeamsService;
  readonly connections: ConnectionsService;
  readonly sweeps: SweepsService;
  /** @returns the token of a link that signs in to the console as root, once */
  signInLink(): Promise<string | undefined>;
  /**
   * Puts the secret to use, before anything else is done with the database.
   * @throws StartError when it is not the one that the database is used with
   */
  claimSecret(): Promise<void>;
  /**
   * Takes up what is queued from now on: sweeps, disconnect steps and webhook deliveries. Not in the
   * role `api`.
   */
  work(): Promise<void>;
  /** What every replica does again and again: `start` it beside `work`. */
  readonly recurringJobs: RecurringJobs;
  /**
   * From now on `/readyz` answers 503, streams are told to connect to another replica and no
   * background work is taken. Requests are served on.
   */
  drain(): void;
  /** Takes no new work and resolves when the running work has ended. */
  stop(): Promise<void>;
}

/**
 * Composition root: makes every part and connects them, without a call to anything outside.
 * @param settings name a database that is migrated before anything is asked of the app
 */
export function assemble(settings: AppSettings): App {
  const { database, clock, logger, policies, tracing = UNTRACED, role = 'all' } = settings;
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
  const providerIds = providers.adapters.all().map(({ id }) => id);
  const parts = { database, lease, providers, sealer, cursors, clock, logger, tracing };

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
    addresses: () => connections.addresses(),
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
  metrics.watchPool(() => ({
    total: database.pool.totalCount,
    idle: database.pool.idleCount,
    waiting: database.pool.waitingCount + database.slots.waiting(),
  }));
  metrics.watchRequests(() => load.underWay);
  metrics.watchFeeds(async () => (await events.publisher.lag()).seconds);
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
    ...[
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
    ].flatMap((component) => component.jobs),
  ];
  const recurringJobs = new RecurringJobs({
    jobs: role === 'api' ? jobs.filter(({ servesRequests }) => servesRequests) : jobs,
    clock,
    logger,
    observe: metrics.observeJob,
    noteFailure: (error) => database.reachability.note(error),
  });

  let isDraining = false;
  const system = systemEndpoints(
    {
      checks: async () => ({
        process: isDraining ? 'shutting down' : null,
        database: (await database.reachability.isReachable())
          ? null
          : 'does not answer, or is not migrated',
        disk: (await database.reachability.hasSpace())
          ? null
          : 'the database has no space left to write',
        secret: secrets.service.problem,
      }),
      feeds: () => events.publisher.lag(),
      providers: () => providerStatus.conditions(),
      overload: () => load.overload,
    },
    metrics,
  );
  const endpoints: Endpoints = {
    ...accounts.endpoints,
    ...audit.endpoints,
    ...connections.endpoints,
    ...disconnects.endpoints,
    ...events.endpoints,
    ...findings.endpoints,
    ...health.endpoints,
    ...profiles.endpoints,
    ...providerStatus.endpoints,
    ...sweeps.endpoints,
    ...teams.endpoints,
    ...views.endpoints,
    ...webhooks.endpoints,
    choices: profiles.choiceEndpoints(accounts.service),
    documentation: documentationEndpoints(settings.openApi),
    system,
  };
  const table = routes(endpoints);
  const operations = JSON.stringify(providers.adapters.all().map(operationsOf));
  const release = createHash('sha256')
    .update(settings.openApi)
    .update(operations)
    .digest('base64url');

  const isWorker = role === 'worker';
  const served = isWorker
    ? table.filter(({ path }) => WORKER_PATHS.includes(path))
    : [
        ...table,
        mcpRoute({
          version: VERSION,
          stateKey: sealer.sign('state of calls over the Model Context Protocol'),
          fetch: (request) => ownFetch(request),
          onError: (error) => logger.warn('mcp', { error: String(error) }),
        }),
      ];
  const pages = {
    '/docs': documentationPages(),
    '/mcp': hostGuard(settings.place ?? LOCAL_PLACE),
    ...connections.pages,
  };
  const taken = new Set([...table.map(({ path }) => path), ...Object.keys(pages)].map(firstPart));
  const { consoleFolder } = settings;
  const http = createServer(served, {
    database,
    release: () => `${release} ${hourOf(clock)}`,
    idempotency,
    lease,
    load,
    reads: new Reads(database, sealer, metrics),
    rateLimiter,
    authenticator: teams.authenticator,
    keyWatch: teams.keyWatch,
    pages: isWorker ? {} : pages,
    ...(consoleFolder !== undefined &&
      !isWorker && {
        otherwise: consolePages(consoleFolder, (path) => taken.has(firstPart(path))),
      }),
    logger,
    tracing,
    metrics,
    trustProxy: settings.trustProxy ?? false,
  });
  const ownFetch = inProcessFetch(http);
  return {
    http,
    processName: lease.name,
    routes: table,
    endpoints,
    teams: teams.service,
    connections: connections.service,
    sweeps: sweeps.service,
    recurringJobs,
    signInLink: () => teams.sessions.makeLink(),
    claimSecret: () => secrets.service.claim(),
    work: async () => {
      await lease.renew();
      await events.start();
      if (role === 'api') return;
      await health.start();
      work.start();
    },
    drain: () => {
      isDraining = true;
      events.stop();
      recurringJobs.drain();
      void work.stop();
    },
    stop: async () => {
      events.stop();
      await Promise.all([recurringJobs.stop(), work.stop()]);
      await webhooks.stop();
      await providers.close();
      await providerStatus.stop();
      rateLimiter.stop();
      load.stop();
      await lease.end();
    },
  };
}

/** `/v1/accounts` → `v1`. */
function firstPart(path: string): string {
  return path.split('/')[1] ?? '';
}
