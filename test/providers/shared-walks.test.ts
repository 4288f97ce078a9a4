import type { ServerResponse } from 'node:http';
import type { ProviderConnection, Providers, ResponseFacts } from '../../src/providers/index.js';
import { afterEach, beforeEach, describe, expect, test } from '../support/jest.js';
import { waitFor } from '../support/wait.js';
import {
  engineFor,
  failureOf,
  item,
  json,
  type SmallProvider,
  startSmallProvider,
} from './small-provider.js';

let provider: SmallProvider;
let providers: Providers;
let plain: ProviderConnection;
/** What the provider lists, and lists that wait for their answer while it is told to hold them. */
let listed: readonly unknown[] = [];
let isHolding = false;
let held: (() => void)[] = [];

beforeEach(async () => {
  provider = await startSmallProvider();
  ({ providers, plain } = engineFor(provider));
  [listed, isHolding, held] = [[item('a'), item('b')], false, []];
  provider.answer((request, response) => {
    if (request.url?.startsWith('/v1/health')) json(200, { items: [] })(request, response);
    else answerList(response);
  });
});
afterEach(async () => {
  release();
  await providers.close();
  await provider.close();
});

function answerList(response: ServerResponse): void {
  // As it is when it is asked.
  const body = JSON.stringify({ items: listed });
  const answer = () => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(body);
  };
  if (isHolding) held.push(answer);
  else answer();
}

function release(): void {
  isHolding = false;
  for (const answer of held.splice(0)) answer();
}

const lists = () => provider.requests.filter(({ url }) => !url.startsWith('/v1/health')).length;
const look = (id: string, connection = plain) => providers.lookUp(connection, { id }, {});
const areHeld = (count: number) =>
  waitFor(`${count} lists to be asked for`, () => held.length, { until: (at) => at >= count });

describe('looks at accounts of one connection that only its list shows', () => {
  test('share one walk when they come together, each with its own answer', async () => {
    const ids = ['a', 'b', 'gone', ...Array.from({ length: 50 }, (_, number) => `no_${number}`)];
    const shown = await Promise.all(ids.map((id) => look(id)));
    expect(shown.map((found) => found?.account.providerAccountId ?? null)).toEqual([
      'a',
      'b',
      ...ids.slice(2).map(() => null),
    ]);
    expect(lists()).toBe(1);
  });

  test('never rest on a walk that began before they were asked for', async () => {
    isHolding = true;
    const early = look('a');
    await areHeld(1);
    // It is deleted, and only then looked for.
    listed = [item('b')];
    const late = [look('a'), look('b'), look('a')];
    release();
    expect((await early)?.account.providerAccountId).toBe('a');
    expect((await Promise.all(late)).map((found) => found?.account.providerAccountId)).toEqual([
      undefined,
      'b',
      undefined,
    ]);
    expect(lists()).toBe(2);
  });

  test('begin anew after each other, and after a failure', async () => {
    provider.answer(json(400, { code: 'bad', message: 'No.' }));
    const failures = await Promise.all(['a', 'b'].map((id) => failureOf(look(id))));
    expect(failures).toEqual([
      expect.objectContaining({ name: 'ProviderError' }),
      expect.objectContaining({ name: 'ProviderError' }),
    ]);
    provider.answer((_request, response) => answerList(response));
    expect(await look('a')).not.toBeNull();
    listed = [];
    expect(await look('a')).toBeNull();
  });

  test('each hear of every answer that their walk rests on', async () => {
    const heard: ResponseFacts[][] = [[], []];
    await Promise.all(
      heard.map((facts, at) =>
        providers.lookUp(plain, { id: `${at}` }, { onAnswer: (answer) => facts.push(answer) }),
      ),
    );
    expect(heard[0]?.map(({ operation }) => operation).sort()).toEqual(['health', 'list']);
    expect(heard[1]).toEqual(heard[0]);
    expect(lists()).toBe(1);
  });

  test('share nothing with another key, another deadline, or one that may be stopped', async () => {
    await Promise.all([
      look('a'),
      look('a', { ...plain, credentials: { api_key: 'another-key-0123456789' } }),
      providers.lookUp(plain, { id: 'a' }, { deadlineMs: 5_000 }),
      providers.lookUp(plain, { id: 'a' }, { signal: new AbortController().signal }),
    ]);
    expect(lists()).toBe(4);
  });
});
