import { createTracing } from '../../src/lib/open-telemetry.js';
import { type Tracing, UNTRACED } from '../../src/lib/tracing.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { type Receiver, startReceiver } from '../support/receiver.js';
import { waitFor } from '../support/wait.js';

interface SentSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly attributes: readonly { readonly key: string; readonly value: Record<string, unknown> }[];
}

const CALLER = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' };
const TRACEPARENT = `00-${CALLER.traceId}-${CALLER.spanId}-01`;

let collector: Receiver;
let tracing: Tracing;
let gateway: Gateway;
beforeAll(async () => {
  collector = await startReceiver();
  collector.answerWith((response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}'),
  );
  tracing = createTracing(collector.url);
  gateway = await startGateway({ tracing });
});
afterAll(async () => {
  await gateway.stop();
  await tracing.stop();
  collector.stop();
});

const spans = () =>
  // Webhooks come here too.
  collector.received
    .filter(({ path }) => path === '/v1/traces')
    .flatMap(({ body }) => {
      const sent = JSON.parse(body) as { resourceSpans: { scopeSpans: { spans: SentSpan[] }[] }[] };
      return sent.resourceSpans.flatMap(({ scopeSpans }) =>
        scopeSpans.flatMap((scope) => scope.spans),
      );
    });
const factsOf = ({ attributes }: SentSpan) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
/** Waits until the collector has it. */
function arrived(what: string, isIt: (span: SentSpan) => boolean): Promise<SentSpan> {
  return waitFor(`the span of ${what}`, () => spans().find(isIt));
}

describe('with a collector', () => {
  test('a request is a span under its caller’s, the call to the provider one under it, and nothing tells a secret', async () => {
    await gateway.connect('outfame');
    const reply = await gateway.root.post('/v1/accounts/outfame:acc_7Gx2kLm9Qr/probe', undefined, {
      traceparent: TRACEPARENT,
    });
    expect(reply.status).toBe(200);
    const server = await arrived(
      'the request',
      ({ name }) => name === 'POST /v1/accounts/{id}/probe',
    );
    expect(server).toMatchObject({ traceId: CALLER.traceId, parentSpanId: CALLER.spanId });
    expect(factsOf(server)).toMatchObject({
      'http.request.method': 'POST',
      'http.route': '/v1/accounts/{id}/probe',
      'http.response.status_code': 200,
      'rollcall.request_id': reply.headers.get('x-request-id'),
      'rollcall.team_id': 'team_default',
    });
    const client = await arrived('the call', ({ parentSpanId }) => parentSpanId === server.spanId);
    expect(client).toMatchObject({ traceId: CALLER.traceId, name: 'outfame get' });
    expect(factsOf(client)).toMatchObject({
      'rollcall.provider': 'outfame',
      'rollcall.operation': 'get',
      'rollcall.outcome': 'ok',
      'http.response.status_code': 200,
    });
    const told = collector.received.map(({ body }) => body).join();
    for (const secret of [
      gateway.root.key ?? '',
      gateway.sandbox.apiKey('outfame'),
      'acc_7Gx2kLm9Qr',
    ])
      expect(told).not.toContain(secret);
  });

  test('sweeps, steps of disconnects and deliveries are traces of their own, with the calls to the provider in them', async () => {
    await gateway.root.post('/v1/webhooks', { url: collector.url });
    expect(
      (
        await gateway.root.delete('/v1/accounts/outfame:acc_7Gx2kLm9Qr', {
          traceparent: TRACEPARENT,
        })
      ).status,
    ).toBe(200);
    for (const name of ['sweep', 'disconnect step', 'webhook delivery']) {
      const root = await arrived(name, (span) => span.name === name);
      expect([root.parentSpanId ?? '', root.traceId === CALLER.traceId]).toEqual(['', false]);
      if (name !== 'webhook delivery')
        await arrived(
          `a call within ${name}`,
          ({ parentSpanId, traceId }) => parentSpanId === root.spanId && traceId === root.traceId,
        );
    }
  });

  test('a provider is told the span of its call', async () => {
    const asked = {
      provider: 'octopost',
      credentials: { api_key: 'oct_live_0123456789abcdef' },
      base_url: `${collector.url}/octopost`,
    };
    // The collector is no provider: what it answers is refused, and what it was asked is what
    // counts here.
    expect(
      (await gateway.root.post('/v1/connections', asked, { traceparent: TRACEPARENT })).status,
    ).toBe(502);
    const span = await arrived('the call', ({ name }) => name === 'octopost verify');
    const call = collector.received.find(({ path }) => path.startsWith('/octopost'));
    expect(call?.headers.traceparent).toBe(`00-${CALLER.traceId}-${span.spanId}-01`);
  });

  test('what is left is sent before the end', async () => {
    const last = createTracing(collector.url);
    last.start('server', 'the last one', {}, undefined).end({}, false);
    await last.stop();
    expect(spans().map(({ name }) => name)).toContain('the last one');
  });

  test('a malformed trace context is as none', async () => {
    await gateway.root.get('/v1/whoami', {
      traceparent: `00-${'0'.repeat(32)}-${CALLER.spanId}-01`,
    });
    const server = await arrived('the request', ({ name }) => name === 'GET /v1/whoami');
    expect(server.parentSpanId ?? '').toBe('');
    expect(server.traceId).toMatch(/[1-9a-f]/);
  });
});

test('a collector that is dead harms nothing, and holds up the end for a few seconds at most', async () => {
  const dead = createTracing('http://127.0.0.1:1');
  const span = dead.start('server', 'GET /v1/whoami', {}, undefined);
  span.end({}, false);
  await expect(dead.root('sweep', {}, async () => 'done')).resolves.toBe('done');
  await expect(
    dead.root('sweep', {}, async () => Promise.reject(new Error('its own'))),
  ).rejects.toThrow('its own');
  await dead.stop();
});

test('without a collector a trace context is passed on as it came', async () => {
  const untraced = UNTRACED;
  expect(untraced.start('client', 'outfame get', {}, TRACEPARENT).traceparent).toBe(TRACEPARENT);
  await untraced.stop();
});
