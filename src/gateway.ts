import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { join, resolve } from 'node:path';
import { PROVIDER_NAMES, type Sandbox, startSandbox } from '../sandbox/index.js';
import { type App, assemble } from './app.js';
import type { Config } from './config.js';
import { openDatabase } from './database/index.js';
import { type GracefulShutdown, gracefulShutdown } from './http/graceful-shutdown.js';
import { createListener } from './http/listener.js';
import { isTrustworthy } from './http/session-cookie.js';
import { systemClock } from './lib/clock.js';
import { createLogger } from './lib/logger.js';
import { secretIn } from './lib/secret-file.js';
import { StartError } from './lib/start-error.js';
import { type Tracing, UNTRACED } from './lib/tracing.js';
import { Undo } from './lib/undo.js';
import type { RisingDatabase } from './processes/database.js';
import { type Ending, endInTime, FINISH_MS } from './processes/ending.js';
import type { Member } from './processes/member.js';
import { isSealed } from './secrets/index.js';
import { RootKeyFile, type RootKeyWords } from './teams/index.js';
import { WebhookAddresses } from './webhooks/index.js';

/** Both are built, and stand beside the folder of what is compiled or bundled. */
const CONSOLE = new URL('../web', import.meta.url).pathname;
const OPENAPI = new URL('../openapi.json', import.meta.url);
const SWEEP_INTERVAL_SECONDS = 300;
const FIRST_SWEEPS_MS = 30_000;
/** Longer waits are told: sweeps of a process that was killed are taken over after a while. */
const SILENT_MS = 3_000;

const undo = new Undo();
const say = (line: string) => process.stdout.write(`${line}\n`);

interface Running {
  readonly app: App;
  readonly shutdown: GracefulShutdown;
  /** How long requests are served on once it is told to stop. */
  readonly drainMs: number;
  /** Of several processes one speaks. */
  readonly say: (line: string) => void;
}

/** What one process needs to know besides its configuration. */
export interface GatewayParts {
  readonly database: RisingDatabase;
  readonly ending: Ending;
  /** Absent: it is the only process of its gateway. */
  readonly member?: Member | undefined;
}

/**
 * One process that serves and works: database, app, workers, until it is told to end. What it has
 * started is in `undo`; a signal ends it between any two steps.
 */
export async function runGateway(config: Config, parts: GatewayParts): Promise<void> {
  try {
    const running = await start(config, parts);
    if (!parts.ending.stopping.aborted) await once(parts.ending.stopping, 'abort');
    await stop(running, parts.ending);
  } catch (error) {
    // Why it ends is told, and not what that led to.
    const undone = undo.run().catch(() => undefined);
    await Promise.race([undone, systemClock.sleep(FINISH_MS)]);
    throw error;
  }
}

async function start(config: Config, parts: GatewayParts): Promise<Running> {
  const { database: rising, member } = parts;
  const { stopping } = parts.ending;
  const isFirst = member === undefined || member.number === 1;
  undo.push(() => rising.stop());
  const logger = createLogger(config.logLevel);
  const tracing = await tracingTo(config.tracesEndpoint);
  undo.push(() => tracing.stop());
  // One more watches the database.
  const database = openDatabase({
    connection: await rising.connection,
    poolSize: config.databasePoolSize - 1,
    preparedStatements: config.preparedStatements,
    replicas: config.readUrls.map((connectionString) => ({ connectionString })),
    maxReadLagSeconds: config.maxReadLagSeconds,
  });
  undo.push(() => database.close());
  const isUsed = async () => {
    await rising.isReady;
    return isSealed(database);
  };
  const secret = config.secret ?? (await secretIn(resolve(config.dataDir), isUsed));

  let sandbox: Sandbox | undefined;
  undo.push(() => sandbox?.close());
  const app = assemble({
    database,
    clock: systemClock,
    logger,
    tracing,
    secret,
    previousSecrets: config.previousSecrets,
    role: config.role,
    trustProxy: config.trustProxy,
    place: { host: config.host, publicUrl: config.publicUrl },
    openApi: await readFile(OPENAPI, 'utf8'),
    consoleFolder: decodeURIComponent(CONSOLE),
    sweepIntervalSeconds: config.sweepIntervalSeconds ?? SWEEP_INTERVAL_SECONDS,
    sweeps: config.sweepLimits,
    disconnects: { retentionDays: config.disconnectRetentionDays },
    agentLimits: config.agentLimits,
    webhookAddresses: new WebhookAddresses(config.webhooksAllowLoopback),
    ...(member && { siblings: member }),
  });
  undo.push(() => app.stop());
  // It loads while the server comes up.
  await Promise.all([database.load(), rising.isReady]);
  stopping.throwIfAborted();
  await app.claimSecret();
  const rootKeyFile = new RootKeyFile(config.dataDir, (key) => app.teams.standingOf(key));
  const newRootKey = await app.teams.prepare(config.rootKey, (key) => rootKeyFile.keep(key));
  await rootKeyFile.removeEnded();
  const server = createListener(app.http);
  const shutdown = gracefulShutdown(server);
  await listen(server, config, stopping);
  undo.push(() => shutdown.close());
  sandbox = await connectProviders(app, config, isFirst);
  stopping.throwIfAborted();

  await app.work();
  app.recurringJobs.start();
  const running = {
    app,
    shutdown,
    drainMs: config.drainSeconds * 1_000,
    say: isFirst ? say : () => undefined,
  };
  if (member?.isTold) {
    member.ready();
    return running;
  }
  if (sandbox && config.role !== 'api') await firstSweeps(app, stopping);
  stopping.throwIfAborted();
  const isTerminal = process.stdout.isTTY === true;
  const rootKey = await rootKeyFile.describe(config.rootKey, newRootKey, isTerminal);
  const isNew = newRootKey !== undefined;
  const url = urlOf(server, config);
  const link = isNew || isTerminal ? await signInLink(app, config, url) : undefined;
  greet(config, { url, sandbox, rootKey, link });
  member?.ready();
  return running;
}

/** Nothing of OpenTelemetry is loaded unless a collector is named. */
async function tracingTo(endpoint: string | undefined): Promise<Tracing> {
  if (endpoint === undefined) return UNTRACED;
  const { createTracing } = await import('./lib/open-telemetry.js');
  return createTracing(endpoint);
}

async function listen(server: Server, config: Config, stopping: AbortSignal): Promise<void> {
  server.listen(config.port, config.host);
  // One of several processes is told by its supervisor that it listens, if that one still runs.
  const listening = once(server, 'listening', { signal: stopping });
  await listening.catch((error: NodeJS.ErrnoException) => {
    if (stopping.aborted) throw error;
    if (error.code === 'EADDRINUSE')
      throw new StartError(
        `PORT: ${config.port} is in use on ${config.host}. Stop the process that uses it, or set another port.`,
      );
    throw new StartError(
      `HOST, PORT: cannot listen on ${config.host}:${config.port} (${error.code}).`,
    );
  });
}

/**
 * Connects what the environment names; with nothing there and nothing connected before, the
 * sandbox, in the first of several processes.
 */
async function connectProviders(
  app: App,
  config: Config,
  isFirst: boolean,
): Promise<Sandbox | undefined> {
  const { sweepIntervalSeconds } = config;
  const named = [...config.providers].flatMap(([provider, { credentials, baseUrl = null }]) => {
    if (credentials === undefined) return [];
    const name = `env-${provider}`;
    const source = 'environment' as const;
    return [{ provider, name, source, credentials, baseUrl, sweepIntervalSeconds }];
  });
  await app.connections.ensure(named);
  // With several roles it is unclear which process should start it, so none does by default.
  const wanted =
    config.sandbox ??
    (config.role === 'all' && named.length === 0 && !(await app.connections.hasRealConnection()));
  if (!wanted || !isFirst) return undefined;
  const stateFile = join(resolve(config.dataDir), 'sandbox.json');
  const sandbox = await startSandbox({ port: 0, accounts: config.sandboxAccounts, stateFile });
  const simulated = PROVIDER_NAMES.map((provider) => ({
    provider,
    name: `sandbox-${provider}`,
    source: 'sandbox' as const,
    credentials: { api_key: sandbox.apiKey(provider) },
    baseUrl: sandbox.baseUrl(provider),
    sweepIntervalSeconds,
  }));
  await app.connections.ensure(simulated);
  return sandbox;
}

/** So that the printed request answers with accounts of all. */
async function firstSweeps(app: App, stopping: AbortSignal): Promise<void> {
  const words = `Waiting for the first sweeps, at most ${FIRST_SWEEPS_MS / 1_000} s …`;
  const silence = setTimeout(say, SILENT_MS, words).unref();
  const end = performance.now() + FIRST_SWEEPS_MS;
  while (performance.now() < end && !stopping.aborted && !(await app.sweeps.hasSweptAll()))
    await systemClock.sleep(50);
  clearTimeout(silence);
}

/**
 * Ends it all in good order: requests are served on until load balancers have seen in `/readyz` that
 * they should send no more; then what is under way ends, within `FINISH_MS`.
 */
async function stop({ app, shutdown, drainMs, say }: Running, { hurried }: Ending): Promise<void> {
  app.drain();
  shutdown.drain();
  if (drainMs > 0 && !hurried.aborted)
    say(`Stopping: serving requests for another ${drainMs / 1_000} s (Ctrl-C ends that) …`);
  await systemClock.sleep(drainMs, hurried).catch(() => undefined);
  say('Stopping: finishing work in progress …');
  endInTime();
  await undo.run();
}

/**
 * A link is for whoever started this process on this machine: elsewhere what is printed is collected,
 * and others reach the gateway.
 */
async function signInLink(
  app: App,
  { databaseUrl, role }: Config,
  url: string,
): Promise<string | undefined> {
  const isLocal = databaseUrl === undefined && isTrustworthy(new URL(url));
  const token = isLocal && role !== 'worker' ? await app.signInLink() : undefined;
  // What stands after the hash is sent to no server and stands in no log of one.
  return token && `${url}/#sign-in=${token}`;
}

function urlOf(server: Server, config: Config): string {
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : config.port;
  return `http://${config.host.includes(':') ? `[${config.host}]` : config.host}:${port}`;
}

/** What a start prints. */
interface Greeting {
  readonly url: string;
  readonly sandbox: Sandbox | undefined;
  readonly rootKey: RootKeyWords;
  readonly link: string | undefined;
}

function greet({ role }: Config, { url, sandbox, rootKey, link }: Greeting): void {
  say('');
  say(`Rollcall listens on ${url}`);
  if (sandbox)
    say(
      `Sandbox: ${PROVIDER_NAMES.length} simulated providers on ${sandbox.url}, connected as sandbox-*; no real account is affected.`,
    );
  say(`Root key: ${rootKey.where}.`);
  if (link !== undefined) say(`Console, signed in once by this link within ten minutes: ${link}`);
  say('Try:');
  if (role === 'worker') say(`  curl -s '${url}/readyz'`);
  else say(`  curl -s '${url}/v1/accounts' -H "Authorization: Bearer ${rootKey.shell}"`);
}
