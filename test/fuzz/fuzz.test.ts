import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type DescribedOperation, describedOperations } from '../support/described.js';
import { ALL_PROVIDERS, type Gateway, startGateway } from '../support/gateway.js';
import { Values } from './arbitrary.js';
import { type FuzzedRequest, type KnownIds, requestsTo } from './requests.js';

/** Requests that fit the document and are still refused as invalid, as what they name must fit together. */
const DEPENDS: Readonly<Record<string, RegExp>> = {
  'accounts.create': /provider|connection_id|platform/,
  'connect.start': /provider|connection_id|platform/,
  'connect.complete': /state/,
  'connections.create': /provider/,
  'disconnects.disconnectMany': /exactly one of|scheduled_at|plan_hash|does not exist|matches no account/,
  'teams.createKey': /expires_at/,
  'webhooks.create': /url/,
  'webhooks.change': /url/,
};

const CASES = Number(process.env.FUZZ_CASES ?? 5_000);
const AT_ONCE = 12;
/** The same requests at each run, so that a change is judged by itself; other seeds look further. */
const seed = Number(process.env.FUZZ_SEED ?? 1);

let gateway: Gateway;
let known: KnownIds;
beforeAll(async () => {
  gateway = await startGateway();
  const outfame = await gateway.connect('outfame');
  const connections = [outfame];
  for (const provider of ALL_PROVIDERS.filter((each) => each !== 'outfame')) connections.push(await gateway.connect(provider));
  const accounts = (await gateway.root.get('/v1/accounts?limit=200')).body.data.map(({ id }: { id: string }) => id);
  known = ({ method, path }, parameter) => {
    if (parameter === 'provider') return ALL_PROVIDERS;
    if (parameter === 'platform') return ['instagram', 'tiktok'];
    if (path.startsWith('/v1/accounts')) return method === 'DELETE' ? accounts.slice(0, 2) : accounts.slice(2, 12);
    if (path.startsWith('/v1/connections') && method !== 'DELETE') return method === 'PATCH' ? [outfame] : connections;
    return [];
  };
}, 60_000);
afterAll(() => gateway.stop());

/** What is wrong with the answer to a request; nothing, as it should be. */
async function findingOf(request: FuzzedRequest, statuses: Map<string, number>): Promise<string | undefined> {
  const { operation, isValid, flaw, path, body } = request;
  const place = `${operation.operationId} (${flaw})`;
  try {
    const json = { 'Content-Type': 'application/json' };
    const reply = await gateway.root.send(
      operation.method,
      path,
      body === undefined ? undefined : JSON.stringify(body),
      body === undefined ? {} : json,
    );
    statuses.set(`${operation.operationId} ${reply.status}`, (statuses.get(`${operation.operationId} ${reply.status}`) ?? 0) + 1);
    const code: string | undefined = reply.body?.code;
    if (code === 'internal_error')
      return `${place}: 500\n  ${operation.method} ${path.slice(0, 300)} ${JSON.stringify(body)?.slice(0, 300)}`;
    if (!isValid && reply.status < 400)
      return `${place}: accepted with ${reply.status}\n  ${path.slice(0, 300)} ${JSON.stringify(body)?.slice(0, 300)}`;
    const isRefused = isValid && (code === 'validation_error' || code === 'bad_request');
    if (isRefused && !DEPENDS[operation.operationId]?.test(reply.body.detail))
      return `${place}: refused: ${reply.body.detail.slice(0, 200)}\n  ${path.slice(0, 300)} ${JSON.stringify(body)?.slice(0, 300)}`;
    return undefined;
  } catch (error) {
    return `${place}: ${String(error).slice(0, 600)}`;
  }
}

describe('the contract, fuzzed', () => {
  test(`${CASES} requests of every operation find nothing outside the document (seed ${seed})`, async () => {
    const document = gateway.app.document;
    const values = new Values(document);
    const operations = describedOperations(document).all.filter(
      ({ description }) => !JSON.stringify(description.responses).includes('text/event-stream'),
    );
    const each = Math.ceil(CASES / operations.length);
    // Nothing leaves this machine: whatever connection is made or changed is one to the sandbox.
    const always = {
      base_url: gateway.sandbox.baseUrl('outfame'),
      verify: false,
      credentials: { api_key: gateway.sandbox.apiKey('outfame') },
    };
    const samples = (operation: DescribedOperation) => fc.sample(requestsTo(operation, values, known, always), { numRuns: each, seed });
    const requests = operations.flatMap(samples);
    const findings = new Map<string, string>();
    const statuses = new Map<string, number>();
    const queue = requests[Symbol.iterator]();
    const work = async () => {
      for (const request of queue) {
        const finding = await findingOf(request, statuses);
        if (finding !== undefined) findings.set(`${request.operation.operationId} ${finding.split('\n')[0]}`, finding);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    if (process.env.FUZZ_REPORT)
      console.log(
        [...statuses]
          .sort()
          .map(([name, count]) => `${name}: ${count}`)
          .join('\n'),
      );
    expect([...findings.values()].slice(0, 60)).toEqual([]);
    expect(requests.length).toBeGreaterThanOrEqual(CASES);
  }, 180_000);
});
