import fc from 'fast-check';
import { apiDocument } from '../support/api-document.js';
import { type DescribedOperation, describedOperations } from '../support/described.js';
import { ALL_PROVIDERS, type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { type Receiver, startReceiver } from '../support/receiver.js';
import { Values } from './arbitrary.js';
import { Coverage } from './coverage.js';
import { type Ids, journey, listenOnce, signInAndOut } from './journey.js';
import {
  foreignBodies,
  foreignKeys,
  type Misuse,
  malformedBodies,
  missingKeys,
  wrongMethods,
} from './misuse.js';
import { type FuzzedRequest, type KnownIds, requestsTo } from './requests.js';

/**
 * Requests that fit the document and are still refused as invalid, as what they name must fit
 * together.
 */
const DEPENDS: Readonly<Record<string, RegExp>> = {
  'accounts.create': /provider|connection_id|platform/,
  'accounts.metrics': /^from: must be (before|at most)/,
  'health.levels': /^from: must be (before|at most)/,
  'health.changes': /^since: must be an RFC 3339 time/,
  'choices.move': /does not exist/,
  'choices.merge': /does not exist/,
  'choices.split': /account_ids/,
  'connect.start': /provider|connection_id|platform/,
  'connect.complete': /state/,
  'connections.create': /provider/,
  'events.list': /^account_id: names no account/,
  'disconnects.disconnectMany':
    /exactly one of|scheduled_at|plan_hash|include_weak|confirmation_token|confirmed_count|agent|does not exist|matches no account/,
  'sessions.signIn': /exactly one of/,
  'teams.createKey': /expires_at/,
  'webhooks.create': /url/,
  'webhooks.change': /url/,
};

const CASES = Number(process.env.FUZZ_CASES ?? 5_000);
const AT_ONCE = 12;
/**
 * The same requests at each run, so that a change is judged by itself; other seeds look further.
 */
const seed = Number(process.env.FUZZ_SEED ?? 1);

let gateway: Gateway;
let receiver: Receiver;
let ids: Ids;
let coverage: Coverage;
beforeAll(async () => {
  [gateway, receiver] = await Promise.all([startGateway(), startReceiver()]);
  coverage = new Coverage(describedOperations(apiDocument));
  ids = await journey(gateway, receiver, coverage.asking(gateway.root));
  await signInAndOut(gateway, coverage.asking(gateway.with(undefined)));
  await listenOnce(gateway);
  coverage.note('events.stream', 200);
});
afterAll(async () => {
  receiver.stop();
  await gateway.stop();
});

/** What exists and may be put into a path; what changes or goes is kept apart from what is read. */
const known: KnownIds = ({ method, path }, parameter) => {
  const { accounts = [], connections = [], deliveries = [] } = ids;
  if (parameter === 'provider') return ALL_PROVIDERS;
  if (parameter === 'platform') return ['instagram', 'tiktok'];
  if (parameter === 'delivery_id') return deliveries;
  if (path.startsWith('/v1/accounts'))
    return method === 'DELETE' ? accounts.slice(0, 2) : accounts.slice(2, 12);
  if (path.startsWith('/v1/connections') && method !== 'DELETE')
    return method === 'PATCH' ? connections.slice(0, 1) : connections;
  // Another address of a webhook would be looked up outside this machine.
  return method === 'DELETE' || method === 'PATCH' ? [] : (ids[path.split('/')[2] ?? ''] ?? []);
};

/** What is wrong with the answer to a request; nothing, as it should be. */
async function findingOf(request: FuzzedRequest): Promise<string | undefined> {
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
    coverage.note(operation.operationId, reply.status);
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

/** What is wrong with the answers to a misuse; nothing, as it should be. */
async function findingOfMisuse({ operation, flaw, run }: Misuse): Promise<string | undefined> {
  const place = `${operation.operationId} (${flaw})`;
  try {
    const { replies, finding } = await run();
    for (const { status } of replies) coverage.note(operation.operationId, status);
    return finding && `${place}: ${finding}`;
  } catch (error) {
    return `${place}: ${String(error).slice(0, 600)}`;
  }
}

/** Runs all, some at once. @returns what was found, each kind once */
async function findingsOf(
  checks: readonly (() => Promise<string | undefined>)[],
): Promise<string[]> {
  const findings = new Map<string, string>();
  const queue = checks[Symbol.iterator]();
  const work = async () => {
    for (const check of queue) {
      const finding = await check();
      if (finding !== undefined) findings.set(finding.split('\n')[0] ?? '', finding);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return [...findings.values()];
}

describe('the contract, fuzzed', () => {
  test('wrong methods, missing and foreign keys and broken JSON are refused at every operation', async () => {
    const operations = describedOperations(apiDocument);
    const values = new Values(apiDocument);
    const secured = operations.all.filter(({ path }) => path.startsWith('/v1/'));
    const stranger = (await gateway.newTeam('strangers')).client;
    const misuses = [
      ...wrongMethods(operations, gateway.root),
      ...missingKeys(secured, gateway, ids),
      ...foreignKeys(secured, stranger, values, ids, seed),
      ...foreignBodies(operations, stranger, ids),
      ...malformedBodies(secured, gateway.root),
    ];
    const findings = await findingsOf(misuses.map((misuse) => () => findingOfMisuse(misuse)));
    expect(findings.slice(0, 60)).toEqual([]);
  });

  test(
    `${CASES} cases and more find nothing outside the document (seed ${seed})`,
    async () => {
      const document = apiDocument;
      const values = new Values(document);
      const operations = describedOperations(document).all.filter(
        ({ description }) => !JSON.stringify(description.responses).includes('text/event-stream'),
      );
      const each = Math.ceil((CASES - coverage.cases) / operations.length);
      // Nothing leaves this machine: whatever connection is made or changed is one to the sandbox.
      const always = {
        base_url: gateway.sandbox.baseUrl('outfame'),
        verify: false,
        credentials: { api_key: gateway.sandbox.apiKey('outfame') },
      };
      const samples = (operation: DescribedOperation) =>
        fc.sample(requestsTo(operation, values, known, always), { numRuns: each, seed });
      const findings = await findingsOf(
        operations.flatMap(samples).map((request) => () => findingOf(request)),
      );
      expect(findings.slice(0, 60)).toEqual([]);
    },
    180_000 + 60 * CASES,
  );

  test('every operation has succeeded and refused', () => {
    const operations = describedOperations(apiDocument).all.length;
    console.log(
      [
        `${coverage.cases} cases of ${operations} operations`,
        ...(process.env.FUZZ_REPORT ? coverage.lines() : []),
      ].join('\n'),
    );
    expect({ succeeded: coverage.lacking(2), refused: coverage.lacking(4) }).toEqual({
      succeeded: [],
      refused: [],
    });
    expect(coverage.cases).toBeGreaterThanOrEqual(CASES);
  });
});
