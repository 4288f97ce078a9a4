import {
  type components,
  createRollcall,
  type ListOf,
  type ListPath,
  type PagesOf,
  type Problem,
  type paths,
  RollcallError,
} from '../../../src/client/index.js';

export { type ListOf, type ListPath, type PagesOf, type Problem, RollcallError };

type Schemas = components['schemas'];
export type Account = Schemas['Account'];
export type AuditEvent = Schemas['AuditEvent'];
export type BrowserSession = Schemas['Session'];
export type Connection = Schemas['Connection'];
export type Delivery = Schemas['WebhookDelivery'];
export type Disconnect = Schemas['Disconnect'];
export type Finding = Schemas['Finding'];
export type Key = Schemas['Key'];
export type Plan = Schemas['DisconnectPlan'];
export type Profile = Schemas['Profile'];
export type Provider = Schemas['Provider'];
export type RollcallEvent = Schemas['Event'];
export type Step = Schemas['DisconnectStep'];
export type Sweep = Schemas['Sweep'];
export type Team = Schemas['Team'];
export type Webhook = Schemas['Webhook'];

/** What `POST /v1/disconnects` takes. */
export type DisconnectRequest = NonNullable<
  paths['/v1/disconnects']['post']['requestBody']
>['content']['application/json'];

/** What a list is asked for: the API's own names, as they stand in the console's address. */
export type Query = Readonly<Record<string, string | undefined>>;

const TEAM = 'rollcall.team';

/** The team that the root key acts for in this tab; its own where there is none. */
export const actingTeam = (): string | undefined => sessionStorage.getItem(TEAM) ?? undefined;

/** Acts for another team from now on: nothing of the one before may stay on the page. */
export function actFor(team: string | undefined): void {
  if (team === undefined) sessionStorage.removeItem(TEAM);
  else sessionStorage.setItem(TEAM, team);
  location.assign('/');
}

const team = actingTeam();
/** Authenticated by the session's cookie. */
export const api = createRollcall({
  baseUrl: location.origin,
  ...(team !== undefined && { team }),
});

/** One page of a list. */
export interface Page<Item> {
  readonly data: readonly Item[];
  readonly pagination: {
    readonly next_cursor: string | null;
    readonly has_next: boolean;
    readonly total_count?: number;
  };
  readonly summary?: Readonly<Record<string, number>>;
}

/** `label[brand]=acme` as openapi-fetch takes it. */
export function withLabels(query: Query): Record<string, unknown> {
  const asked: Record<string, unknown> = {};
  const labels: Record<string, string> = {};
  for (const [name, value] of Object.entries(query)) {
    const label = /^label\[(.+)\]$/.exec(name)?.[1];
    if (value === undefined || value === '') continue;
    if (label === undefined) asked[name] = value;
    else labels[label] = value;
  }
  return Object.keys(labels).length > 0 ? { ...asked, label: labels } : asked;
}

/** A page of any list of the API. */
export async function page<Path extends ListPath>(
  path: Path,
  query: Query,
  place?: PagesOf<Path>['path'],
  signal?: AbortSignal,
): Promise<Page<ListOf<Path>>> {
  // The addresses differ in their parameters alone, which `Path` has tied to the arguments.
  const { data } = await api.GET(path as '/v1/accounts', {
    params: { query: withLabels(query), path: place } as never,
    ...(signal && { signal }),
  });
  return data as unknown as Page<ListOf<Path>>;
}

/** The items of a list as CSV, as the API writes it. */
export async function csv(path: string, query: Query): Promise<Blob> {
  const address = new URL(path, location.origin);
  for (const [name, value] of Object.entries(query))
    if (value) address.searchParams.set(name, value);
  const response = await fetch(address, {
    headers: { Accept: 'text/csv', ...(team !== undefined && { 'Rollcall-Team': team }) },
  });
  if (!response.ok) throw new RollcallError((await response.json()) as Problem);
  return response.blob();
}

export const codeOf = (error: unknown): string | undefined =>
  error instanceof RollcallError ? error.problem.code : undefined;
