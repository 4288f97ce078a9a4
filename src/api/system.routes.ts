import { z } from 'zod';
import type { FeedLag } from '../events/index.js';
import { RawText } from '../http/answer.js';
import type { Metrics } from '../http/metrics.js';
import { endpoint } from '../http/route.js';
import { recordOf } from '../model/index.js';

/** What the process knows of itself. */
interface SystemState {
  /**
   * Each part that must work for requests to be served, with what is wrong with it (`null`:
   * nothing).
   */
  checks(): Promise<Readonly<Record<string, string | null>>>;
  /** What there is too much of for new requests; `null`: nothing. */
  overload(): string | null;
  /** How far feeds are behind, and what they wait for. */
  feeds(): Promise<FeedLag>;
  /**
   * Each provider's state, `operational` or in words: it never makes us unready, but a person wants
   * to see it.
   */
  providers(): Readonly<Record<string, string>>;
}

const HEALTH_TYPE = 'application/health+json';
const HEALTH_TYPE_SENT = `${HEALTH_TYPE}; charset=utf-8`;
const status = z.object({ status: z.enum(['pass', 'warn', 'fail']) });
const componentSchema = z
  .array(
    z.object({
      status: z.enum(['pass', 'warn', 'fail']),
      output: z.string().optional(),
      observedValue: z.number().optional(),
      observedUnit: z.string().optional(),
    }),
  )
  .max(1);
/** Parts of the gateway, and providers. */
const MAX_COMPONENTS = 200;
const checks = recordOf(z.string(), componentSchema, MAX_COMPONENTS).meta({
  maxProperties: MAX_COMPONENTS,
  examples: [
    { database: [{ status: 'pass' }], 'provider:octopost': [{ status: 'warn', output: 'down' }] },
  ],
});

/** Longer than any transaction of a gateway that works. */
const MAX_FEED_LAG_SECONDS = 10;

/** @param lag not asked for when it cannot be told */
function feedsOf(lag: FeedLag | undefined) {
  if (lag === undefined) return { status: 'warn', output: 'not known' };
  const observed = { observedValue: lag.seconds, observedUnit: 's' };
  return lag.seconds <= MAX_FEED_LAG_SECONDS
    ? { status: 'pass', ...observed }
    : {
        status: 'warn',
        output: `held back by open transactions of this database that have written events: ${lag.writers}`,
        ...observed,
      };
}

/** For load balancers and monitors: no key, no secrets, never cached. */
export function systemEndpoints(state: SystemState, metrics: Metrics) {
  const answer = (code: number, body: object) => ({
    status: code,
    body: new RawText(JSON.stringify(body), HEALTH_TYPE_SENT),
    headers: { 'Cache-Control': 'no-store' },
  });
  return {
    live: endpoint({
      summary: 'Liveness: whether the process is up',
      answers: { 200: status },
      produces: HEALTH_TYPE,
      handle: async () => answer(200, { status: 'pass' }),
    }),
    ready: endpoint({
      summary: 'Readiness: whether requests can be served; `output` says what is missing',
      answers: { 200: status, 503: status.extend({ output: z.string() }) },
      produces: HEALTH_TYPE,
      handle: async () => {
        const failed = Object.entries(await state.checks()).filter(
          ([, problem]) => problem !== null,
        );
        if (failed.length > 0) {
          const output = failed.map(([name, problem]) => `${name}: ${problem}`).join('; ');
          return answer(503, { status: 'fail', output });
        }
        // Still ready: were it taken out, its share would overload the next one too. Those it
        // cannot serve it turns away by itself.
        return answer(200, { status: state.overload() === null ? 'pass' : 'warn' });
      },
    }),
    health: endpoint({
      summary: 'Health of each part of the gateway',
      answers: {
        200: status.extend({ checks }),
        503: status.extend({ checks }),
      },
      produces: HEALTH_TYPE,
      handle: async () => {
        const own = Object.entries(await state.checks());
        const failed = own.some(([, problem]) => problem !== null);
        const overload = state.overload();
        const feeds = feedsOf(failed ? undefined : await state.feeds().catch(() => undefined));
        const providers = Object.entries(state.providers());
        const warned =
          overload !== null ||
          feeds.status === 'warn' ||
          providers.some(([, condition]) => condition !== 'operational');
        const checks = Object.fromEntries([
          ...own.map(([name, problem]) => [
            name,
            [problem === null ? { status: 'pass' } : { status: 'fail', output: problem }],
          ]),
          ['load', [overload === null ? { status: 'pass' } : { status: 'warn', output: overload }]],
          ['feeds', [feeds]],
          ...providers.map(([name, condition]) => [
            `provider:${name}`,
            [
              condition === 'operational'
                ? { status: 'pass' }
                : { status: 'warn', output: condition },
            ],
          ]),
        ]);
        return answer(failed ? 503 : 200, {
          status: failed ? 'fail' : warned ? 'warn' : 'pass',
          checks,
        });
      },
    }),
    metrics: endpoint({
      summary: 'Metrics in the Prometheus text format',
      answers: {
        200: z
          .string()
          .meta({ examples: ['rollcall_sweeps_total{provider="outfame",state="succeeded"} 1\n'] }),
      },
      produces: 'text/plain',
      handle: async () => {
        const { text, contentType } = await metrics.expose();
        return {
          status: 200,
          body: new RawText(text, contentType),
          headers: { 'Cache-Control': 'no-store' },
        };
      },
    }),
  };
}
