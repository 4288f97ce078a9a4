import { queryOptions, useQuery } from '@tanstack/react-query';
import type { components } from '../../../src/client/index.js';
import { codeOf, type Problem, RollcallError } from './api';
import { queries } from './queries';

/** Who is signed in: nothing secret. */
export type Session = components['schemas']['OwnSession'];

const LINK = '#sign-in=';

/**
 * The token of a link that signs in once. It leaves the address before anything else reads it.
 */
function takeLink(): string | undefined {
  if (!location.hash.startsWith(LINK)) return undefined;
  const token = location.hash.slice(LINK.length);
  history.replaceState(null, '', location.pathname);
  return token;
}

async function call(method: string, body?: object): Promise<Session | null> {
  const response = await fetch('/console/session', {
    method,
    ...(body && {
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    }),
  });
  if (response.status === 204) return null;
  if (response.ok) return ((await response.json()) as { data: Session }).data;
  const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json');
  if (!isProblem) throw new Error(`The gateway answered ${response.status}.`);
  const problem = (await response.json()) as Problem;
  if (method === 'GET' && problem.code === 'unauthorized') return null;
  throw new RollcallError(problem);
}

let pending = takeLink();
let isLinkRefused = false;

/** Whether this page was opened with a link that was used before, or too late. */
export const wasLinkRefused = (): boolean => isLinkRefused;

/** Without a session where the link is no longer valid: then a key signs in. */
async function redeem(link: string): Promise<Session | null> {
  try {
    return await call('POST', { link });
  } catch (error) {
    if (codeOf(error) !== 'unauthorized') throw error;
    isLinkRefused = true;
    return call('GET');
  }
}

export const sessionQuery = queryOptions({
  queryKey: ['session'],
  queryFn: () => {
    const once = pending;
    pending = undefined;
    return once === undefined ? call('GET') : redeem(once);
  },
  staleTime: 60_000,
});

/** The session of this page; `null`: nobody is signed in. */
export const useSession = () => useQuery(sessionQuery);

const RANK = ['read', 'write', 'admin'];

/** Whether the key may do what needs a scope: the gateway decides, buttons only follow. */
export function useMay(scope: 'write' | 'admin'): boolean {
  const { data } = useSession();
  const held = Math.max(-1, ...(data?.key.scopes ?? []).map((name) => RANK.indexOf(name)));
  return held >= RANK.indexOf(scope);
}

export async function signIn(key: string): Promise<void> {
  queries.setQueryData(['session'], await call('POST', { key }));
}

export async function signOut(): Promise<void> {
  await call('DELETE');
  queries.clear();
  queries.setQueryData(['session'], null);
}
