import type { OwnCall } from '../declared.js';

/** A person who waits for a completion has no patience. */
const MAX_WAIT_MS = 1_000;
const MAX_LISTED = 200;

/** Lists of things by the noun whose arguments name them; by noun and verb where that differs. */
const LISTS: Readonly<Record<string, string>> = {
  accounts: '/v1/accounts',
  'disconnects plan': '/v1/accounts',
  'disconnects run': '/v1/accounts',
  open: '/v1/accounts',
  profiles: '/v1/profiles',
  findings: '/v1/findings',
  disconnects: '/v1/disconnects',
  connections: '/v1/connections',
  sweeps: '/v1/connections',
  providers: '/v1/providers',
  webhooks: '/v1/webhooks',
  keys: '/v1/keys',
  teams: '/v1/teams',
  sessions: '/v1/sessions',
  views: '/v1/views',
};

/** Lists of what flags name, by their parameters. */
const BY_PARAMETER: Readonly<Record<string, string>> = {
  account_ids: '/v1/accounts',
  account_id: '/v1/accounts',
  profile_id: '/v1/profiles',
  into: '/v1/profiles',
  connection_id: '/v1/connections',
  provider: '/v1/providers',
  providers: '/v1/providers',
  key_id: '/v1/keys',
  created_by: '/v1/keys',
  team: '/v1/teams',
};

/** The list of what an argument names, by the words of its command; `undefined`: nothing listed. */
export function listOfArgument(words: readonly string[], argument: string): string | undefined {
  if (argument === 'id') return LISTS[words.join(' ')] ?? LISTS[words[0] ?? ''];
  return listOfParameter(argument);
}

/** The path of the list whose ids complete a path parameter of this name. */
export const listOfParameter = (name: string): string | undefined => BY_PARAMETER[name];

/**
 * The ids and refs of a list that begin as what is typed does. A gateway that is slow, away or
 * refuses has none: completion is no place for messages.
 * @param flags the access flags of the line that is completed
 */
export async function liveValues(
  { context }: OwnCall,
  list: string,
  typed: string,
  flags: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  try {
    const client = await context.clientOf(await context.settings.access(flags), 0);
    const [, provider] = /^([a-z0-9-]+):/.exec(typed) ?? [];
    const response = await client.ask(list, {
      query: {
        limit: MAX_LISTED,
        ...(list === '/v1/accounts' && provider !== undefined && { provider }),
      },
      signal: AbortSignal.timeout(MAX_WAIT_MS),
    });
    const { data } = (await response.json()) as {
      data: readonly { readonly id: string; readonly ref?: string }[];
    };
    return data.flatMap(({ id, ref }) => (ref === undefined ? [id] : [ref, id]));
  } catch {
    return [];
  }
}
