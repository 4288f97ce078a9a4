import { z } from 'zod';
import { isPostgresUrl, splitHosts } from './database/index.js';
import { StartError } from './lib/start-error.js';
import { type CredentialField, type Credentials, variableOf } from './model/index.js';
import { parseKey } from './teams/index.js';
import { ROLES, type Role } from './work/index.js';

const port = z.coerce.number().int().min(0).max(65535);
const seconds = z.coerce.number().int().min(5).max(86_400);
const secret = z
  .string()
  .refine(
    (value) => Buffer.from(value, 'base64').length === 32,
    'must be 32 bytes in base64, as `openssl rand -base64 32` prints them',
  );
const switched = z.enum(['true', 'false']).transform((value) => value === 'true');
const httpUrl = z.url({ protocol: /^https?$/, error: 'must be an http or https address' });
const postgresUrl = z
  .string()
  .refine(isPostgresUrl, 'must look like postgresql://user:password@host:5432/database');

/** Addresses may have commas themselves, between hosts. */
const postgresUrls = z
  .string()
  .transform((list) => list.split(/\s*,\s*(?=postgres(?:ql)?:\/\/)/).map((one) => one.trim()))
  .pipe(z.array(postgresUrl));

const MIN_POOL_SIZE = 5;
const poolSize = z.coerce.number().int().min(MIN_POOL_SIZE).max(1_000);
const DEFAULT_POOL_SIZE = 20;
const MAX_PROCESSES = 64;
/** Of the embedded database, without those that it keeps for its owner. */
const EMBEDDED_CONNECTIONS = 97;

/**
 * Every variable with a fixed name; for each adapter come on top `<PROVIDER>_BASE_URL` and one for
 * each credential, mostly `<PROVIDER>_API_KEY`.
 */
const variables = z.object({
  PORT: port.default(3000),
  HOST: z.string().min(1).default('127.0.0.1'),
  ROLE: z.enum(ROLES).default('all'),
  WEB_CONCURRENCY: z.coerce.number().int().min(1).max(MAX_PROCESSES).default(1),
  DRAIN_SECONDS: z.coerce.number().int().min(0).max(600).default(10),
  TRUST_PROXY: switched.default(false),
  PUBLIC_URL: httpUrl.optional(),
  DATABASE_URL: postgresUrl.optional(),
  DATABASE_DIRECT_URL: postgresUrl.optional(),
  DATABASE_POOL_SIZE: poolSize.optional(),
  DATABASE_READ_URLS: postgresUrls.default([]),
  DATABASE_READ_MAX_LAG_SECONDS: z.coerce.number().int().min(1).max(3_600).default(10),
  PREPARED_STATEMENTS: z.enum(['on', 'off']).optional(),
  ROLLCALL_MIGRATE_URL: postgresUrl.optional(),
  MIGRATE_ON_START: switched.default(true),
  DATA_DIR: z.string().min(1).default('./data'),
  ROLLCALL_SECRET: secret.optional(),
  ROLLCALL_PREVIOUS_SECRETS: z
    .string()
    .transform((list) => list.split(',').map((one) => one.trim()))
    .pipe(z.array(secret))
    .default([]),
  ROLLCALL_ROOT_KEY: z
    .string()
    .refine(
      (key) => parseKey(key) !== undefined,
      'is not a valid key; `npm run root-key` prints one',
    )
    .optional(),
  SWEEP_INTERVAL_SECONDS: seconds.optional(),
  SWEEP_MAX_SECONDS: z.coerce.number().int().min(10).max(86_400).default(600),
  SWEEP_MAX_PAGES: z.coerce.number().int().min(1).max(1_000_000).default(10_000),
  SWEEP_MAX_ACCOUNTS: z.coerce.number().int().min(1).max(100_000_000).default(250_000),
  DISCONNECT_RETENTION_DAYS: z.coerce.number().int().min(1).max(36_500).default(365),
  AGENT_MAX_ACCOUNTS_PER_PLAN: z.coerce.number().int().min(1).max(1_000).default(25),
  AGENT_MAX_ACCOUNTS_PER_HOUR: z.coerce.number().int().min(0).max(100_000).default(100),
  SANDBOX: switched.optional(),
  SANDBOX_ACCOUNTS: z.coerce.number().int().min(0).max(1_000_000).default(0),
  WEBHOOKS_ALLOW_LOOPBACK: switched.default(false),
  OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl.optional(),
  LOG_LEVEL: z.enum(['error', 'warn', 'info', 'debug']).default('info'),
});

/** The names of all variables, as `.env.example` lists them. */
export function variableNames(providers: readonly ConfigurableProvider[]): string[] {
  const own = providers.flatMap(({ id, credentials }) => [
    ...credentials.map(({ name }) => variableOf(id, name)),
    variableOf(id, 'base_url'),
  ]);
  return [...Object.keys(variables.shape), ...own];
}

/** A provider, and what its connection needs. */
export interface ConfigurableProvider {
  readonly id: string;
  readonly credentials: readonly CredentialField[];
}

/** What the environment says of one provider. */
export interface ProviderSettings {
  /** `undefined`: it is not to be connected. */
  readonly credentials: Credentials | undefined;
  readonly baseUrl: string | undefined;
}

/** The configuration, as `readConfig` reads it from the environment. */
export interface Config {
  readonly port: number;
  readonly host: string;
  /** What the process does. */
  readonly role: Role;
  /** How many processes serve and work behind one port. */
  readonly processes: number;
  /** How long requests are served on after SIGTERM. */
  readonly drainSeconds: number;
  /**
   * Believes `X-Forwarded-Proto` and `X-Forwarded-Host`: for a gateway that is reached through a
   * proxy alone.
   */
  readonly trustProxy: boolean;
  /** The address that clients call. Absent: the one that it listens at. */
  readonly publicUrl: string | undefined;
  /** Absent: the embedded PostgreSQL under `dataDir`. */
  readonly databaseUrl: string | undefined;
  /** `databaseUrl` without the pooler that it leads through. Absent: that is the same one. */
  readonly directUrl: string | undefined;
  /** Absent: found out for each session. */
  readonly preparedStatements: 'on' | 'off' | undefined;
  /** Most connections of one process to the database at once. */
  readonly databasePoolSize: number;
  /** `databaseUrl` for a user who owns the tables. Absent: that is the same one. */
  readonly migrateUrl: string | undefined;
  /** `false`: a start is refused while a migration is pending. */
  readonly migrateOnStart: boolean;
  /** Standbys that reads may come from. */
  readonly readUrls: readonly string[];
  /** The most that one of them may be behind. */
  readonly maxReadLagSeconds: number;
  readonly dataDir: string;
  /** 32 bytes in base64. Absent: kept in `dataDir`. */
  readonly secret: string | undefined;
  /** Those that were in use before, or will be: each opens what it has sealed. */
  readonly previousSecrets: readonly string[];
  readonly rootKey: string | undefined;
  /** Absent: the standard one, and connections that are there already keep theirs. */
  readonly sweepIntervalSeconds: number | undefined;
  /** What one sweep may use up. */
  readonly sweepLimits: {
    readonly maxSeconds: number;
    readonly maxPages: number;
    readonly maxAccounts: number;
  };
  /** How long finished disconnects and the tombstones of their accounts are kept. */
  readonly disconnectRetentionDays: number;
  /** What agents may disconnect: accounts in a plan, and with a key in an hour. */
  readonly agentLimits: { readonly planAccounts: number; readonly hourAccounts: number };
  /** Absent: only while nothing else is connected. */
  readonly sandbox: boolean | undefined;
  readonly sandboxAccounts: number;
  /** Lets webhooks go to this machine's own addresses, over http too: for development. */
  readonly webhooksAllowLoopback: boolean;
  /** Of the OTLP collector that gets traces. Absent: none are made. */
  readonly tracesEndpoint: string | undefined;
  readonly logLevel: 'error' | 'warn' | 'info' | 'debug';
  readonly providers: ReadonlyMap<string, ProviderSettings>;
}

/**
 * Reads the environment, which `main.ts` hands in; no other code of the gateway does. An empty
 * variable counts as unset.
 * @throws StartError with one line that names the first bad variable
 */
export function readConfig(
  environment: NodeJS.ProcessEnv,
  configurable: readonly ConfigurableProvider[],
): Config {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const values = parse(variables, given);
  if (values.DATABASE_URL !== undefined && values.ROLLCALL_SECRET === undefined) {
    throw new StartError(
      'ROLLCALL_SECRET is required with DATABASE_URL: 32 bytes in base64, the same on every replica.',
    );
  }
  if (values.DATABASE_READ_URLS.length > 0 && values.DATABASE_URL === undefined)
    throw new StartError('DATABASE_READ_URLS: it needs DATABASE_URL, which is not set.');
  for (const name of ['ROLLCALL_MIGRATE_URL', 'DATABASE_DIRECT_URL'] as const)
    if (values[name] !== undefined && values.DATABASE_URL === undefined)
      throw new StartError(`${name}: it needs DATABASE_URL, which is not set.`);
  const providers = new Map(
    configurable.map((provider): [string, ProviderSettings] => {
      const baseUrl = variableOf(provider.id, 'base_url');
      const own = parse(z.object({ [baseUrl]: httpUrl.optional() }), given);
      return [
        provider.id,
        {
          credentials: credentialsIn(given, provider),
          baseUrl: own[baseUrl]?.replace(/\/+$/, ''),
        },
      ];
    }),
  );
  return {
    port: values.PORT,
    host: values.HOST,
    role: values.ROLE,
    processes: values.WEB_CONCURRENCY,
    drainSeconds: values.DRAIN_SECONDS,
    trustProxy: values.TRUST_PROXY,
    publicUrl: values.PUBLIC_URL,
    databaseUrl: values.DATABASE_URL,
    directUrl: values.DATABASE_DIRECT_URL,
    readUrls: values.DATABASE_READ_URLS,
    maxReadLagSeconds: values.DATABASE_READ_MAX_LAG_SECONDS,
    preparedStatements: values.PREPARED_STATEMENTS,
    databasePoolSize: poolSizeOf(values),
    migrateUrl: values.ROLLCALL_MIGRATE_URL,
    migrateOnStart: values.MIGRATE_ON_START,
    dataDir: values.DATA_DIR,
    secret: values.ROLLCALL_SECRET,
    previousSecrets: values.ROLLCALL_PREVIOUS_SECRETS,
    rootKey: values.ROLLCALL_ROOT_KEY,
    sweepIntervalSeconds: values.SWEEP_INTERVAL_SECONDS,
    sweepLimits: {
      maxSeconds: values.SWEEP_MAX_SECONDS,
      maxPages: values.SWEEP_MAX_PAGES,
      maxAccounts: values.SWEEP_MAX_ACCOUNTS,
    },
    disconnectRetentionDays: values.DISCONNECT_RETENTION_DAYS,
    agentLimits: {
      planAccounts: values.AGENT_MAX_ACCOUNTS_PER_PLAN,
      hourAccounts: values.AGENT_MAX_ACCOUNTS_PER_HOUR,
    },
    sandbox: values.SANDBOX,
    sandboxAccounts: values.SANDBOX_ACCOUNTS,
    webhooksAllowLoopback: values.WEBHOOKS_ALLOW_LOOPBACK,
    tracesEndpoint: values.OTEL_EXPORTER_OTLP_ENDPOINT,
    logLevel: values.LOG_LEVEL,
    providers,
  };
}

/**
 * Reads where the database is, and nothing else: who migrates it need not know the secret.
 * @throws StartError with one line that names the first bad variable
 */
export function readDatabasePlace(
  environment: NodeJS.ProcessEnv,
): Pick<Config, 'databaseUrl' | 'directUrl' | 'migrateUrl' | 'dataDir'> {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const place = {
    DATABASE_URL: true,
    DATABASE_DIRECT_URL: true,
    ROLLCALL_MIGRATE_URL: true,
    DATA_DIR: true,
  } as const;
  const values = parse(variables.pick(place), given);
  return {
    databaseUrl: values.DATABASE_URL,
    directUrl: values.DATABASE_DIRECT_URL,
    migrateUrl: values.ROLLCALL_MIGRATE_URL,
    dataDir: values.DATA_DIR,
  };
}

/** @throws StartError when the embedded database has not as many as all processes would take */
function poolSizeOf(values: z.output<typeof variables>): number {
  const given = values.DATABASE_POOL_SIZE ?? connectionLimitIn(values.DATABASE_URL);
  if (values.DATABASE_URL !== undefined) return given ?? DEFAULT_POOL_SIZE;
  // Each process, and their supervisor, holds one more.
  const processes = values.WEB_CONCURRENCY;
  const share = Math.floor((EMBEDDED_CONNECTIONS - 1) / processes) - 1;
  const size = given ?? Math.min(DEFAULT_POOL_SIZE, Math.max(share, MIN_POOL_SIZE));
  if (processes === 1 || size <= share) return size;
  throw new StartError(
    `WEB_CONCURRENCY: ${processes} processes with ${size} connections each exceed what the embedded database has. Lower it or DATABASE_POOL_SIZE, or set DATABASE_URL.`,
  );
}

/** What an address for Prisma says of the pool. @throws StartError when it is no number in bounds */
function connectionLimitIn(url: string | undefined): number | undefined {
  const limit = url && new URL(splitHosts(url)[0] ?? url).searchParams.get('connection_limit');
  if (!limit) return undefined;
  const result = poolSize.safeParse(limit);
  if (result.success) return result.data;
  throw new StartError(
    `DATABASE_URL: connection_limit: ${result.error.issues[0]?.message}; DATABASE_POOL_SIZE sets the same.`,
  );
}

/** @throws StartError when some of what a connection needs is there, and not all */
function credentialsIn(
  given: Readonly<Record<string, string | undefined>>,
  { id, credentials }: ConfigurableProvider,
): Credentials | undefined {
  const found = credentials.flatMap(({ name }) => {
    const value = given[variableOf(id, name)];
    return value === undefined ? [] : [[name, value] as const];
  });
  if (found.length === 0) return undefined;
  const own = Object.fromEntries(found);
  const missing = credentials.find(
    ({ name, isRequired }) => isRequired && !Object.hasOwn(own, name),
  );
  if (missing !== undefined) {
    const others = found.map(([name]) => variableOf(id, name)).join(', ');
    throw new StartError(`${variableOf(id, missing.name)}: is required with ${others}`);
  }
  return own;
}

function parse<Shape extends z.ZodType>(shape: Shape, given: unknown): z.output<Shape> {
  const result = shape.safeParse(given);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new StartError(`${issue?.path[0]?.toString()}: ${issue?.message}`);
}
