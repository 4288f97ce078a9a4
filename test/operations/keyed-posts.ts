import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { POST_REQUESTS, type PostRequest, type PostTools } from '../support/post-requests.js';

/** A POST of one route under a key of its own. */
export interface KeyedPost extends PostRequest {
  readonly route: string;
  readonly key: string;
}

/** Makes one POST of each route ready. */
export const prepareKeyedPosts = (tools: PostTools): Promise<KeyedPost[]> =>
  Promise.all(
    Object.entries(POST_REQUESTS).map(async ([route, ready]) => ({
      ...(await ready(tools)),
      route,
      key: randomUUID(),
    })),
  );

/** Whether an answer is no "later". */
export const isAnswered = ({ status, body }: { readonly status: number; readonly body: unknown }) =>
  status !== 503 &&
  status !== 429 &&
  (body as { readonly code?: string } | undefined)?.code !== 'idempotency_in_progress';

/**
 * What callers did to the team of each POST, as the audit log has it, without what work did for them
 * since.
 */
export async function audited(
  ask: (text: string, values: unknown[]) => Promise<pg.QueryResultRow[]>,
  posts: readonly KeyedPost[],
): Promise<[route: string, actions: string[]][]> {
  const rows = await ask(
    `SELECT team_id, action FROM audit_events
     WHERE key_id IS NOT NULL AND team_id = ANY($1)
       AND action !~ '^disconnect_step|^disconnect.finished|^account.disconnect(ed|_failed)$'`,
    [posts.map(({ team }) => team)],
  );
  return posts.map(({ route, team }) => [
    route,
    rows.flatMap(({ team_id, action }) => (team_id === team ? [action] : [])).sort(),
  ]);
}
