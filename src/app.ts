import { createHash } from 'node:crypto';
import type { Express } from 'express';
import { AccountsRepository } from './accounts/accounts.repository.js';
import { accountEndpoints } from './accounts/accounts.routes.js';
import { AccountsService } from './accounts/accounts.service.js';
import { connectEndpoints } from './accounts/connect.routes.js';
import { ConnectService } from './accounts/connect.service.js';
import { engagementEndpoints } from './accounts/engagement.routes.js';
import { Probes } from './accounts/probes.js';
import { documentationEndpoints } from './api/documentation.routes.js';
import { type ApiDocument, describeApi } from './api/openapi/document.js';
import { type Endpoints, routes } from './api/routes.js';
import { systemEndpoints } from './api/system.routes.js';
import { auditEndpoints } from './audit/audit.routes.js';
import { connectionEndpoints } from './connections/connections.routes.js';
import { ConnectionsService } from './connections/connections.service.js';
import type { Database } from './database/index.js';
import { type Jobs, startJobs } from './database/jobs.js';
import { ProcessLease } from './database/process-lease.js';
import { DisconnectsRepository } from './disconnects/disconnects.repository.js';
import { disconnectEndpoints } from './disconnects/disconnects.routes.js';
import { DisconnectsService } from './disconnects/disconnects.service.js';
import { StepRunner } from './disconnects/step-run.js';
import { DEFAULT_DISCONNECT_SETTINGS, type DisconnectSettings } from './disconnects/step-state.js';
import { StepsRepository } from './disconnects/steps.repository.js';
import { DisconnectWorker } from './disconnects/worker.js';
import { eventEndpoints } from './events/events.routes.js';
import { EventsService } from './events/events.service.js';
import { FeedRepository } from './events/feed.repository.js';
import { healthEndpoints } from './health/health.routes.js';
import { HealthService } from './health/health.service.js';
import { HistoryRepository } from './health/history.repository.js';
import { IncidentsService } from './health/incidents.service.js';
import { TransitionsRepository } from './health/transitions.repository.js';
import { createCursors, createListCursors, hourOf } from './http/cursor.js';
import { Idempotency } from './http/idempotency.js';
import { Load, type LoadLimits } from './http/load.js';
import { createMetrics } from './http/metrics.js';
import { RateLimiter } from './http/rate-limit.js';
import type { RateLimit } from './http/rate-window.js';
import type { Route } from './http/route.js';
import { createServer } from './http/server.js';
import type { Clock } from './lib/clock.js';
import type { Logger } from './lib/logger.js';
import { createSealer } from './lib/seal.js';
import { createSigner } from './lib/signature.js';
import { type Tracing, UNTRACED } from './lib/tracing.js';
import { createProviders, type PolicySettings } from './providers/index.js';
import { operationsOf } from './providers/offered-operations.js';
import { conditionOf, providerEndpoints } from './providers/providers.routes.js';
import { SharedFigures } from './providers/shared-figures.js';
import { sweepEndpoints } from './sweeps/sweeps.routes.js';
import { SweepsService } from './sweeps/sweeps.service.js';
import { teamEndpoints } from './teams/teams.routes.js';
import { TeamsService } from './teams/teams.service.js';
import { DeliveriesRepository } from './webhooks/deliveries.repository.js';
import { WebhookAddresses } from './webhooks/webhook-address.js';
import { WebhookSender } from './webhooks/webhook-sender.js';
import { WebhookWorker } from './webhooks/webhook-worker.js';
import { webhookEndpoints } from './webhooks/webhooks.routes.js';
import { WebhooksService } from './webhooks/webhooks.service.js';

export interface AppSettings {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  /** None when left out. */
  readonly tracing?: Tracing;
  /** 32 bytes in base64. */
  readonly secret: string;
  readonly sweepIntervalSeconds: number;
  /** Whether a proxy in front says what callers call us; not when left out. */
  readonly trustProxy?: boolean;
  /** Over the defaults, like those below. */
  readonly policies?: Partial<PolicySettings>;
  readonly disconnects?: Partial<DisconnectSettings>;
  /** Of keys that have none of their own. */
  readonly rateLimit?: RateLimit;
  /** Over the defaults. */
  readonly load?: Partial<LoadLimits>;
  /** Where webhooks may be sent; public addresses when left out. */
  readonly webhookAddresses?: WebhookAddresses;
}

/** The gateway, put together. It does not listen; `work` starts its workers. */
export interface App {
  readonly http: Express;
  /** Every URL that `http` serves. */
  readonly routes: readonly Route[];
  /** The same as OpenAPI. */
  readonly document: ApiDocument;
  readonly teams: TeamsService;
  readonly connections: ConnectionsService;
  readonly sweeps: SweepsService;
  /** Takes jobs from now on. */
  work(): Promise<void>;
  /** Finds what is due or was left behind. Run every few seconds by each replica. */
  reconcile(): Promise<void>;
  /** From now on `/readyz` answers 503 and new requests are refused; those under way go on. */
  retire(): void;
  /** Takes no new work and resolves when the running work has ended. */
  stop(): Promise<void>;
}

/** The gateway over a database that is migrated. */
export async function createApp(settings: AppSettings): Promise<App> {
  return assemble(settings, await startJobs(settings.database.pool, settings.logger));
}

/**
 * Composition root: makes every part and ties them together, without a call to anything outside.
 */
export function assemble(settings: AppSettings, jobs: Jobs): App {
  const { database, clock, logger, policies, tracing = UNTRACED } = settings;
  const sealer = createSealer(settings.secret);
  const feedCursors = createCursors(sealer);
  const cursors = createListCursors(feedCursors, clock);
  const metrics = createMetrics();
  const lease = new ProcessLease(database);
  const rateLimiter = new RateLimiter(database, clock, logger, settings.rateLimit);
  const load = new Load(database.pool, settings.load);
  const idempotency = new Idempotency(database, lease, sealer, clock);
  const providers = createProviders({ clock, logger, tracing, ...(policies && { policies }) });
  const figures = new SharedFigures(database, clock);
  providers.onOutcome((attempt) => {
    metrics.observeProviderCall(
      attempt.provider,
      attempt.operation,
      attempt.outcome,
      attempt.latencyMs,
    );
    figures.note(attempt);
  });
  const providerIds = providers.adapters.all().map(({ id }) => id);

  const teams = new TeamsService(database, clock);
  const connections = new ConnectionsService(
    database,
    providers,
    sealer,
    clock,
    settings.sweepIntervalSeconds,
  );
  const accountsRepository = new AccountsRepository(database, providers.adapters);
  const accounts = new AccountsService(
    database,
    accountsRepository,
    connections,
    providers,
    new Probes(database, lease, clock),
    clock,
  );
  const connect = new ConnectService(database, connections, providers, clock);
  const incidents = new IncidentsService(database, providers, clock);
  const health = new HealthService({
    database,
    registry: providers.adapters,
    accounts,
    accountsRepository,
    transitions: new TransitionsRepository(database),
    history: new HistoryRepository(database),
    incidents,
    cursors: feedCursors,
    clock,
  });
  const feed = new FeedRepository(database);
  const events = new EventsService(feed, feedCursors, clock);
  const addresses = settings.webhookAddresses ?? new WebhookAddresses(false);
  const deliveries = new DeliveriesRepository(database);
  const webhookWorker = new WebhookWorker(
    database,
    deliveries,
    new WebhookSender(addresses, clock),
    sealer,
    lease,
    clock,
    logger,
    tracing,
  );
  const webhooks = new WebhooksService(
    database,
    feed,
    deliveries,
    webhookWorker,
    addresses,
    sealer,
    clock,
  );
  const sweeps = new SweepsService(
    database,
    jobs,
    providers,
    connections,
    clock,
    logger,
    metrics,
    tracing,
  );
  const patience = { ...DEFAULT_DISCONNECT_SETTINGS, ...settings.disconnects };
  const registry = providers.adapters;
  const signer = createSigner(settings.secret);
  const steps = new StepsRepository(database, clock, patience);
  const runner = new StepRunner({ steps, providers, clock, settings: patience });
  const worker = new DisconnectWorker({
    database,
    registry,
    connections,
    steps,
    runner,
    lease,
    clock,
    logger,
    tracing,
    settings: patience,
  });
  const disconnectsRepository = new DisconnectsRepository(database, clock, patience);
  const disconnects = new DisconnectsService({
    repository: disconnectsRepository,
    registry,
    worker,
    signer,
    clock,
    settings: patience,
  });

  let retired = false;
  const system = {
    checks: async () => ({
      process: retired ? 'shutting down' : null,
      database: (await database.reachability.isReachable())
        ? null
        : 'does not answer, or is not migrated',
    }),
    providers: () =>
      Object.fromEntries(
        providerIds.map((id) => [id, conditionOf(providers.state(id), figures.read(id, '5m'))]),
      ),
    overload: () => load.overload,
  };

  const endpoints: Endpoints = {
    accounts: accountEndpoints(accounts, accountsRepository, cursors, providerIds),
    engagement: engagementEndpoints(accounts, providers, cursors),
    audit: auditEndpoints(database, cursors),
    connect: connectEndpoints(connect, accounts),
    connections: connectionEndpoints(connections, sweeps, disconnects, cursors),
    disconnects: disconnectEndpoints(
      disconnects,
      accounts,
      disconnectsRepository,
      cursors,
      providerIds,
      signer.publicKey,
    ),
    events: eventEndpoints(events),
    documentation: documentationEndpoints(() => document),
    health: healthEndpoints(health),
    providers: providerEndpoints(
      providers,
      (id, span) => figures.read(id, span),
      () => incidents.open(),
      cursors,
    ),
    sweeps: sweepEndpoints(sweeps, connections, cursors),
    system: systemEndpoints(system, metrics),
    teams: teamEndpoints(teams, cursors, providerIds),
    webhooks: webhookEndpoints(webhooks, cursors),
  };
  const table = routes(endpoints);
  const document = describeApi(table, endpoints);
  const shown = [document, providers.adapters.all().map(operationsOf)];
  const release = createHash('sha256').update(JSON.stringify(shown)).digest('base64url');

  return {
    http: createServer(table, {
      database,
      release: () => `${release} ${hourOf(clock)}`,
      idempotency,
      lease,
      load,
      rateLimiter,
      teams,
      logger,
      tracing,
      metrics,
      isRetired: () => retired,
      trustProxy: settings.trustProxy ?? false,
    }),
    routes: table,
    document,
    teams,
    connections,
    sweeps,
    work: async () => {
      await lease.renew();
      await jobs.work('sweep', (data) => sweeps.run((data as { sweepId: string }).sweepId));
      worker.start();
      webhookWorker.work();
      await sweeps.resume(0);
    },
    reconcile: async () => {
      await lease.renew();
      await sweeps.scheduleDue();
      await disconnects.reconcile();
      await figures.share();
      await incidents.watch();
      await health.age();
      await health.prune();
      await accountsRepository.mergeCounts();
      await events.prune();
      await idempotency.expire();
      await rateLimiter.expire();
      await webhooks.sealUrls();
      await webhookWorker.prune();
      await teams.compactVersions();
    },
    retire: () => {
      retired = true;
      events.stop();
    },
    stop: async () => {
      sweeps.stop();
      events.stop();
      await Promise.all([jobs.stop(), worker.stop(), webhookWorker.stop()]);
      await providers.close();
      await figures.share().catch(() => undefined);
      rateLimiter.stop();
      load.stop();
      lease.end();
    },
  };
}
