import { gzipSync } from 'node:zlib';
import type { AnyAdapter } from '../../src/model/index.js';
import { LargeAnswers } from '../../src/providers/large-answers.js';
import { Sender } from '../../src/providers/send.js';
import { DEFAULT_POLICIES } from '../../src/providers/settings.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import {
  engineFor,
  fullAdapter,
  plainAdapter,
  type SmallProvider,
  startSmallProvider,
} from './small-provider.js';

const LIST = `${' '.repeat(1.5 * 1024 * 1024)}{"items":[]}`;
const never = new AbortController().signal;

let provider: SmallProvider;
const closing: (() => Promise<void>)[] = [];
beforeAll(async () => {
  provider = await startSmallProvider();
  const packed = gzipSync(LIST);
  const type = { 'content-type': 'application/json' };
  provider.answer((request, response) => {
    if (request.url === '/packed')
      response.writeHead(200, { ...type, 'content-encoding': 'gzip' }).end(packed);
    else response.writeHead(200, type).end(request.url === '/small' ? '{"items":[]}' : LIST);
  });
});
afterAll(async () => {
  for (const close of closing) await close();
  await provider.close();
});

const roomy = (adapter: AnyAdapter): AnyAdapter => ({
  ...adapter,
  limits: { ...adapter.limits, maxAnswerBytes: 2 * LIST.length },
});

function senderOf(adapter: AnyAdapter, answers: LargeAnswers) {
  const sender = new Sender(roomy(adapter), DEFAULT_POLICIES, answers);
  closing.push(() => sender.close());
  return async (path: string, signal = never) => {
    const request = { path, method: 'GET', headers: {}, body: null } as const;
    return sender.send(request, new URL(provider.baseUrl).origin, {
      signal,
      answered: () => undefined,
    });
  };
}

test.each(['/large', '/packed'])(
  'an answer that is %s waits for its turn, small ones and those of others do not',
  async (path) => {
    const answers = new LargeAnswers();
    const [full, plain] = [senderOf(fullAdapter, answers), senderOf(plainAdapter, answers)];
    const turns = await Promise.all([1, 2].map(() => answers.turn('full', never)));
    let isRead = false;
    const waiting = full(path).then((answer) => {
      isRead = true;
      return answer;
    });
    expect((await full('/small')).body).toBe('{"items":[]}');
    for (let count = 0; count < 3; count++) (await plain(path)).release();
    expect(isRead).toBe(false);
    turns[0]?.();
    const read = await waiting;
    expect(read.body).toHaveLength(LIST.length);
    // It is held until it is said to be read.
    const next = answers.turn('full', never).then(() => 'next');
    const other = answers.turn('plain', never).then(() => 'other');
    expect(await Promise.race([next, other])).toBe('other');
    read.release();
    expect(await next).toBe('next');
  },
);

test('a call that ends while it waits leaves no turn taken', async () => {
  const answers = new LargeAnswers();
  const full = senderOf(fullAdapter, answers);
  const turns = await Promise.all([1, 2].map(() => answers.turn('full', never)));
  const stop = new AbortController();
  const stopped = full('/large', stop.signal);
  const next = full('/large');
  stop.abort(new Error('stopped'));
  await expect(stopped).rejects.toThrow('stopped');
  turns[0]?.();
  (await next).release();
});

test('calls give their turns back', async () => {
  const { providers, full } = engineFor(provider, {}, { adapters: [roomy(fullAdapter)] });
  closing.push(() => providers.close());
  for (let count = 0; count < 3; count++)
    expect((await providers.list(full, { cursor: null }, {})).accounts).toEqual([]);
});

describe('turns at large answers', () => {
  test('are two of a provider and four in all, in order', async () => {
    const answers = new LargeAnswers();
    const order: string[] = [];
    const turn = async (provider: string) => {
      const release = await answers.turn(provider, never);
      order.push(provider);
      return release;
    };
    const asked = ['a', 'a', 'a', 'b', 'c', 'd', 'a'].map(turn);
    const [first, second, , third] = await Promise.all([asked[0], asked[1], asked[3], asked[4]]);
    expect(order).toEqual(['a', 'a', 'b', 'c']);
    third?.();
    await asked[5];
    expect(order).toEqual(['a', 'a', 'b', 'c', 'd']);
    first?.();
    first?.();
    await asked[2];
    second?.();
    await asked[6];
    expect(order).toEqual(['a', 'a', 'b', 'c', 'd', 'a', 'a']);
  });

  test('are not kept for who stops waiting', async () => {
    const answers = new LargeAnswers();
    const held = await Promise.all(['a', 'a'].map((provider) => answers.turn(provider, never)));
    const stop = new AbortController();
    const stopped = answers.turn('a', stop.signal);
    const next = answers.turn('a', never);
    stop.abort(new Error('stopped'));
    await expect(stopped).rejects.toThrow('stopped');
    held[0]?.();
    (await next)();
    await expect(answers.turn('a', stop.signal)).rejects.toThrow('stopped');
  });
});
