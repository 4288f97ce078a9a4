import { createHash } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { consolePages } from './api/console.pages.js';
import { documentationPages } from './api/documentation.pages.js';
import { documentationEndpoints } from './api/documentation.routes.js';
import { type Endpoints, routes } from './api/routes.js';
import { systemEndpoints } from './api/system.routes.js';
import { type ComponentSettings, type Components, connectComponents } from './components.js';
import type { ConnectionsService } from './connections/index.js';
import { hourOf } from './http/cursor.js';
import { inProcessFetch } from './http/in-process.js';
import { Reads } from './http/reads.js';
import type { Route } from './http/route.js';
import { createServer } from './http/server.js';
import { VERSION } from './lib/version.js';
import { hostGuard, mcpRoute, type PublicPlace } from './mcp/index.js';
import { operationsOf } from './providers/index.js';
import type { SweepsService } from './sweeps/index.js';
import type { TeamsService } from './teams/index.js';
import type { RecurringJobs } from './work/index.js';

/** What an app is made with; everything optional has the default of production. */
export interface AppSettings extends ComponentSettings {
  /** Whether a proxy in front says what callers call us; not when left out. */
  readonly trustProxy?: boolean;
  /** Under which names it is reached; this machine's own when left out. */
  readonly place?: PublicPlace;
  /** The OpenAPI document of `routes`, as the build made it. */
  readonly openApi: string;
  /** That the console was built into; none is served when left out. */
  readonly consoleFolder?: string;
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
  const components = connectComponents(settings);
  const { parts, secrets, events, health, webhooks, work, recurringJobs } = components;
  const { lease, providers } = parts;
  let isDraining = false;
  const endpoints = endpointsOf(components, settings.openApi, () => isDraining);
  const table = routes(endpoints);
  return {
    http: webApplication(components, settings, table),
    processName: lease.name,
    routes: table,
    endpoints,
    teams: components.teams.service,
    connections: components.connections.service,
    sweeps: components.sweeps.service,
    recurringJobs,
    signInLink: () => components.teams.sessions.makeLink(),
    claimSecret: () => secrets.service.claim(),
    work: async () => {
      await lease.renew();
      await events.start();
      if (settings.role === 'api') return;
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
      await components.providerStatus.stop();
      components.rateLimiter.stop();
      components.load.stop();
      await lease.end();
    },
  };
}

function endpointsOf(
  components: Components,
  openApi: string,
  isDraining: () => boolean,
): Endpoints {
  const { parts, secrets, events, load, providerStatus, metrics } = components;
  const { reachability } = parts.database;
  const system = systemEndpoints(
    {
      checks: async () => ({
        process: isDraining() ? 'shutting down' : null,
        database: (await reachability.isReachable()) ? null : 'does not answer, or is not migrated',
        disk: (await reachability.hasSpace()) ? null : 'the database has no space left to write',
        secret: secrets.service.problem,
      }),
      feeds: () => events.publisher.lag(),
      providers: () => providerStatus.conditions(),
      overload: () => load.overload,
    },
    metrics,
  );
  return {
    ...components.accounts.endpoints,
    ...components.audit.endpoints,
    ...components.connections.endpoints,
    ...components.disconnects.endpoints,
    ...components.events.endpoints,
    ...components.findings.endpoints,
    ...components.health.endpoints,
    ...components.profiles.endpoints,
    ...components.providerStatus.endpoints,
    ...components.sweeps.endpoints,
    ...components.teams.endpoints,
    ...components.views.endpoints,
    ...components.webhooks.endpoints,
    choices: components.profiles.choiceEndpoints(components.accounts.service),
    documentation: documentationEndpoints(openApi),
    system,
  };
}

/** The web application of `table`; in the role `worker`, of what a worker serves. */
function webApplication(
  components: Components,
  settings: AppSettings,
  table: readonly Route[],
): RequestListener {
  const { parts, connections, teams, metrics } = components;
  const { database, sealer, lease, providers, clock, logger, tracing } = parts;
  const server = {
    database,
    release: () => `${release} ${hourOf(clock)}`,
    idempotency: components.idempotency,
    lease,
    load: components.load,
    reads: new Reads(database, sealer, metrics),
    rateLimiter: components.rateLimiter,
    authenticator: teams.authenticator,
    keyWatch: teams.keyWatch,
    logger,
    tracing,
    metrics,
    trustProxy: settings.trustProxy ?? false,
  };
  const operations = JSON.stringify(providers.adapters.all().map(operationsOf));
  const release = createHash('sha256')
    .update(settings.openApi)
    .update(operations)
    .digest('base64url');
  if (settings.role === 'worker')
    return createServer(
      table.filter(({ path }) => WORKER_PATHS.includes(path)),
      { ...server, pages: {} },
    );

  const mcp = mcpRoute({
    version: VERSION,
    stateKey: sealer.sign('state of calls over the Model Context Protocol'),
    fetch: (request) => ownFetch(request),
    onError: (error) => logger.warn('mcp', { error: String(error) }),
  });
  const pages = {
    '/docs': documentationPages(),
    '/mcp': hostGuard(settings.place ?? LOCAL_PLACE),
    ...connections.pages,
  };
  const taken = new Set([...table.map(({ path }) => path), ...Object.keys(pages)].map(firstPart));
  const { consoleFolder } = settings;
  const http = createServer([...table, mcp], {
    ...server,
    pages,
    ...(consoleFolder !== undefined && {
      otherwise: consolePages(consoleFolder, (path) => taken.has(firstPart(path))),
    }),
  });
  const ownFetch = inProcessFetch(http);
  return http;
}

/** `/v1/accounts` → `v1`. */
function firstPart(path: string): string {
  return path.split('/')[1] ?? '';
}
