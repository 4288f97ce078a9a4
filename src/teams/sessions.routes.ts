import { z } from 'zod';
import type { Cursors } from '../http/cursor.js';
import { answerPage, dataOf, listById, listOf } from '../http/page.js';
import { endpoint } from '../http/route.js';
import { endedCookie, isTrustworthy, sessionCookie } from '../http/session-cookie.js';
import { byId, paging } from '../http/validate.js';
import type { Logger } from '../lib/logger.js';
import { MAX_SESSION_MS } from './session-life.js';
import { ownSessionSchema, sessionSchema, toOwnSession, toSession } from './sessions.schema.js';
import type { SessionsService } from './sessions.service.js';
import { signInRequest } from './teams.requests.js';

const ABOUT_COOKIE =
  'The cookie `__Host-rollcall` authenticates requests like the key; writes only from pages of this gateway (`Sec-Fetch-Site`, or `Origin`). A key in `Authorization` takes precedence.';

export function sessionEndpoints(sessions: SessionsService, cursors: Cursors, logger: Logger) {
  return {
    signIn: endpoint({
      summary: 'Sign in to the console: exchange a key for a session cookie',
      description: `${ABOUT_COOKIE} A session ends after 12 hours without use, after 7 days, with its key, and when the browser signs in again. Takes no \`Idempotency-Key\`.`,
      body: signInRequest,
      answers: { 201: dataOf(ownSessionSchema) },
      headers: ['Set-Cookie'],
      problems: ['unauthorized', 'rate_limited'],
      handle: async ({ body, sender, requestId, url }) => {
        const { identity, row, token } = await sessions.signIn(body, sender(), requestId);
        if (!isTrustworthy(new URL(url)))
          logger.warn(
            "the console's session crosses the network in clear: serve it over https, with TRUST_PROXY=true behind a proxy",
            { request_id: requestId },
          );
        return {
          status: 201,
          body: { data: toOwnSession(row, identity) },
          headers: {
            'Set-Cookie': sessionCookie(url, token, MAX_SESSION_MS / 1_000),
            'Cache-Control': 'no-store',
            Location: '/console/session',
          },
        };
      },
    }),
    current: endpoint({
      summary: 'Get the session of this request, and what it may do',
      answers: { 200: dataOf(ownSessionSchema) },
      handle: async ({ caller }) => ({
        status: 200,
        body: { data: toOwnSession(await sessions.current(caller), caller) },
      }),
    }),
    signOut: endpoint({
      summary: 'Sign out: end the session of this request',
      answers: { 204: null },
      headers: ['Set-Cookie'],
      handle: async ({ caller, url }) => {
        await sessions.signOut(caller);
        return { status: 204, headers: { 'Set-Cookie': endedCookie(url) } };
      },
    }),
    list: endpoint({
      summary: "List the browsers that are signed in with the team's keys",
      description:
        'A key that is restricted to some providers sees only sessions of keys that see no other providers.',
      query: z.strictObject(paging),
      answers: { 200: listOf(sessionSchema) },
      handle: (call) => {
        const rows = sessions.list(call.caller);
        return answerPage(
          call,
          cursors,
          {},
          listById(rows, (row) => toSession(row, call.caller)),
        );
      },
    }),
    get: endpoint({
      summary: 'Get a session',
      params: byId,
      answers: { 200: dataOf(sessionSchema) },
      handle: async ({ caller, params }) => ({
        status: 200,
        body: { data: toSession(await sessions.get(caller, params.id), caller) },
      }),
    }),
    end: endpoint({
      summary: 'End a session immediately; its streams end within five seconds',
      params: byId,
      answers: { 204: null },
      handle: async ({ caller, params }) => {
        await sessions.revoke(caller, params.id);
        return { status: 204 };
      },
    }),
  };
}
