import { parseArgs } from 'node:util';
import { systemClock } from '../lib/clock.js';
import { type AnyAdapter, credentialFields, ProviderError, variableOf } from '../model/index.js';
import {
  createProviders,
  credentialsSchemaOf,
  type Observation,
  type ProviderConnection,
  type Providers,
  type QuarantinedItem,
} from '../providers/index.js';

const USAGE =
  'Usage: npm run try:adapter PROVIDER -- --key KEY [--credential NAME=VALUE] [--base-url ADDRESS]; what is left out is read from <PROVIDER>_API_KEY, <PROVIDER>_<NAME>';
/** Of each kind, the first ones are shown. */
const MAX_SHOWN = 10;

/** What a try came to: 0 the provider was read, 1 it could not be, 2 it was not tried. */
interface Trial {
  readonly exitCode: 0 | 1 | 2;
  readonly lines: readonly string[];
}

/** What a walk showed, and what of it could not be read. */
interface Findings {
  /** The first ones, as are those quarantined. */
  readonly accounts: Observation[];
  readonly quarantined: QuarantinedItem[];
  accountCount: number;
  quarantinedCount: number;
  readonly degraded: Map<string, { count: number; example: string }>;
  healthFailure: ProviderError | null;
}

/**
 * Reads the accounts that a key shows through an adapter, as the gateway would, and prints the
 * result: `npm run try:adapter acme -- --key KEY`. Only the list, the health report and one account
 * are asked for; nothing is written anywhere.
 */
export async function tryAdapter(
  parameters: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<Trial> {
  const given = readParameters(parameters);
  if (typeof given === 'string') return { exitCode: 2, lines: [given] };
  const providers = createProviders({ clock: systemClock });
  try {
    const adapter = providers.adapters.get(given.provider);
    if (adapter === undefined) {
      const known = providers.adapters.all().map(({ id }) => id);
      return {
        exitCode: 2,
        lines: [`There is no adapters/${given.provider}: ${known.join(', ')}`],
      };
    }
    const connection = connectionTo(adapter, given, environment);
    if (typeof connection === 'string') return { exitCode: 2, lines: [connection] };
    const findings = await walk(providers, connection);
    return {
      exitCode: 0,
      lines: [...report(adapter, findings), await lookedUp(providers, connection, findings)],
    };
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error;
    return { exitCode: 1, lines: [failure(error)] };
  } finally {
    await providers.close();
  }
}

interface Given {
  readonly provider: string;
  readonly baseUrl: string | null;
  /** By name. */
  readonly credentials: Readonly<Record<string, string>>;
}

function readParameters(parameters: readonly string[]): Given | string {
  try {
    const { values, positionals } = parseArgs({
      args: [...parameters],
      options: {
        key: { type: 'string' },
        credential: { type: 'string', multiple: true },
        'base-url': { type: 'string' },
      },
      allowPositionals: true,
    });
    const [provider, ...others] = positionals;
    if (provider === undefined || others.length > 0) return USAGE;
    const baseUrl = values['base-url'] ?? null;
    if (baseUrl !== null && !URL.canParse(baseUrl)) return `--base-url is not an address. ${USAGE}`;
    const named = (values.credential ?? []).map((text) => {
      const [name = '', ...value] = text.split('=');
      return [name, value.join('=')] as const;
    });
    const key = values.key === undefined ? {} : { api_key: values.key };
    return { provider, baseUrl, credentials: { ...key, ...Object.fromEntries(named) } };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return `${error.message} ${USAGE}`;
  }
}

/** The connection to try, with credentials as given or as in the environment. */
function connectionTo(
  adapter: AnyAdapter,
  { provider, baseUrl, credentials: given }: Given,
  environment: NodeJS.ProcessEnv,
): ProviderConnection | string {
  const credentials: Record<string, string> = {};
  for (const { name, isRequired } of credentialFields(credentialsSchemaOf(adapter))) {
    const value = given[name] ?? environment[variableOf(provider, name)];
    if (value) credentials[name] = value;
    else if (isRequired) return `${name} is missing. ${USAGE}`;
  }
  return { id: 'try', provider, baseUrl, credentials };
}

async function walk(providers: Providers, connection: ProviderConnection): Promise<Findings> {
  const findings: Findings = {
    accounts: [],
    quarantined: [],
    accountCount: 0,
    quarantinedCount: 0,
    degraded: new Map(),
    healthFailure: null,
  };
  for await (const page of providers.walk(connection, {})) {
    addFirst(findings.accounts, page.accounts);
    addFirst(findings.quarantined, page.quarantined);
    findings.accountCount += page.accounts.length;
    findings.quarantinedCount += page.quarantined.length;
    findings.healthFailure ??= page.healthFailure;
    for (const { field, example } of page.accounts.flatMap(({ degraded }) => degraded)) {
      const known = findings.degraded.get(field) ?? { count: 0, example };
      findings.degraded.set(field, { ...known, count: known.count + 1 });
    }
  }
  return findings;
}

function addFirst<Item>(first: Item[], more: readonly Item[]): void {
  first.push(...more.slice(0, MAX_SHOWN - first.length));
}

function report(adapter: AnyAdapter, findings: Findings): readonly string[] {
  const { accounts, quarantined, accountCount, degraded, healthFailure } = findings;
  return [
    `${adapter.name}: ${accountCount} accounts, ${findings.quarantinedCount} quarantined, ${degraded.size} degraded fields`,
    ...accounts.map(lineOf),
    ...(accountCount > MAX_SHOWN ? [`  … and ${accountCount - MAX_SHOWN} more`] : []),
    ...quarantined.map(
      ({ id, reason }) => `Quarantined: ${id ?? 'an item without an id'}: ${reason}`,
    ),
    ...[...degraded].map(
      ([field, { count, example }]) => `Degraded: ${field} in ${count}, such as ${example}`,
    ),
    ...(healthFailure === null ? [] : [`The health report failed: ${failure(healthFailure)}`]),
  ];
}

function lineOf({ account }: Observation): string {
  const { status, reason } = account.verdict;
  const health = reason === null ? status : `${status}/${reason}`;
  const { providerAccountId, platform, username, status: state } = account;
  return `  ${[providerAccountId, platform ?? 'unknown', username ?? '–', state ?? 'unknown', health].join(' · ')}`;
}

/** One account is asked for by its id, which a list does not prove to work. */
async function lookedUp(
  providers: Providers,
  connection: ProviderConnection,
  { accounts: [first] }: Findings,
): Promise<string> {
  if (first === undefined) return 'No single account was read: the list is empty.';
  if (!providers.supports(connection.provider, 'get'))
    return 'No single account was read: the adapter has no get.';
  const id = first.account.providerAccountId;
  const found = await providers.lookUp(connection, { id }, {});
  return found === null ? `Read ${id}: it does not exist.` : `Read ${id}: it exists.`;
}

function failure({ code, status, providerCode, providerMessage, message }: ProviderError): string {
  const told = [status, providerCode, providerMessage].filter((part) => part !== null).join(' ');
  return `${code}: ${message}${told === '' ? '' : ` (${told})`}`;
}
