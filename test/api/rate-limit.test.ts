import fc from 'fast-check';
import { RateLimiter } from '../../src/http/rate-limit.js';
import { RateWindow } from '../../src/http/rate-window.js';
import { silentLogger } from '../../src/lib/logger.js';
import { apiDocument } from '../support/api-document.js';
import { type Child, startChild } from '../support/child.js';
import { type Client, clientOf, type Reply } from '../support/client.js';
import { type Gateway, GENEROUS, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { type ManualClock, manualClock } from '../support/manual-clock.js';
import { waitFor } from '../support/wait.js';

let gateway: Gateway;
let clock: ManualClock;
beforeAll(async () => {
  clock = manualClock();
  gateway = await startGateway({ clock, rateLimit: { quota: 20, windowSeconds: 60 } });
});
afterAll(() => gateway.stop());

async function keyWith(quota: number, windowSeconds = 60): Promise<Client> {
  clock.advance(61_000);
  const rate_limit = { quota, window_seconds: windowSeconds };
  const { body } = await gateway.root.post('/v1/keys', {
    name: 'limited',
    scopes: ['admin'],
    rate_limit,
  });
  return gateway.with(body.data.key);
}

const told = ({ headers }: Reply) =>
  [
    'ratelimit-policy',
    'ratelimit',
    'x-ratelimit-limit',
    'x-ratelimit-remaining',
    'x-ratelimit-reset',
  ].map((name) => headers.get(name));

describe('rate limits', () => {
  test('are told on every answer, good or bad', async () => {
    const client = await keyWith(5);
    const reset = String(Math.ceil(clock.now().getTime() / 1000) + 60);
    expect(told(await client.get('/v1/whoami'))).toEqual([
      '"default";q=5;w=60',
      '"default";r=4;t=60',
      '5',
      '4',
      reset,
    ]);
    expect(told(await client.get('/v1/accounts/nothing'))[1]).toBe('"default";r=3;t=60');
    expect(told(await client.get('/v1/accounts?limit=0'))[1]).toBe('"default";r=2;t=60');
    expect(told(await gateway.with(undefined).get('/v1/whoami'))[1]).toBeNull();
  });

  test('are told where the team of Rollcall-Team is refused: the key counts', async () => {
    const client = await keyWith(5);
    const forbidden = await client.get('/v1/whoami', { 'Rollcall-Team': 'team_other' });
    expect([forbidden.status, told(forbidden)[1]]).toEqual([403, '"default";r=4;t=60']);
    const missing = await gateway.root.get('/v1/whoami', { 'Rollcall-Team': 'team_other' });
    expect([missing.status, told(missing)[0]]).toEqual([404, '"default";q=20;w=60']);
  });

  test('refuse what is over with 429 until the window has slid on', async () => {
    const client = await keyWith(3, 30);
    for (let count = 0; count < 3; count++)
      expect((await client.get('/v1/whoami')).status).toBe(200);
    const refused = await client.get('/v1/whoami');
    expect([refused.status, refused.body.code, refused.headers.get('retry-after')]).toEqual([
      429,
      'rate_limited',
      '30',
    ]);
    expect(told(refused)[1]).toBe('"default";r=0;t=30');
    clock.advance(29_000);
    expect((await client.get('/v1/whoami')).status).toBe(429);
    clock.advance(1_500);
    expect((await client.get('/v1/whoami')).status).toBe(200);
  });

  test('are of the key: root sets them, nobody else, and a key passes its own on', async () => {
    const client = await keyWith(10);
    const other = await client.post('/v1/keys', {
      name: 'x',
      scopes: ['read'],
      rate_limit: { quota: 99, window_seconds: 1 },
    });
    expect([other.status, other.body.code]).toEqual([403, 'forbidden']);
    const child = await client.post('/v1/keys', { name: 'child', scopes: ['read'] });
    expect(child.body.data.rate_limit).toEqual({ quota: 10, window_seconds: 60 });
    clock.advance(61_000);
    const plain = await gateway.root.post('/v1/keys', { name: 'plain', scopes: ['read'] });
    expect(plain.body.data.rate_limit).toBeNull();
    expect(told(await gateway.with(plain.body.data.key).get('/v1/whoami'))[0]).toBe(
      '"default";q=20;w=60',
    );
  });

  test('bound how many requests of a key are under way', async () => {
    const limiter = new RateLimiter(gateway.database, clock, silentLogger);
    const free: (() => void)[] = [];
    const take = (keyId: string) =>
      limiter.take(
        { keyId, teamId: 'team_busy', own: null },
        () => undefined,
        (ended) => free.push(ended),
      );
    for (let count = 0; count < 100; count++) await take('key_busy');
    await expect(take('key_busy')).rejects.toThrow('The key already has 100 requests in progress.');
    await take('key_other');
    free[0]?.();
    await take('key_busy');
    await expect(take('key_busy')).rejects.toThrow('in progress');
    limiter.stop();
  });

  test('are of the team above its keys: many keys use no more than five', async () => {
    const limiter = new RateLimiter(gateway.database, clock, silentLogger, {
      quota: 10,
      windowSeconds: 60,
    });
    const outcomes: string[] = [];
    let told: Record<string, string> = {};
    for (let count = 0; count < 90; count++) {
      const use = { keyId: `key_many${count % 9}`, teamId: 'team_many', own: null };
      const outcome = await limiter
        .take(
          use,
          (headers) => {
            told = headers;
          },
          (free) => free(),
        )
        .then(
          () => 'allowed',
          (error: Error) => error.message,
        );
      outcomes.push(outcome);
    }
    expect(outcomes.filter((outcome) => outcome === 'allowed')).toHaveLength(50);
    expect(outcomes.at(-1)).toContain('The team has used its 50 requests per 60 s.');
    expect([told.RateLimit, told['X-RateLimit-Limit']]).toEqual(['"default";r=0;t=60', '10']);
    const other = { keyId: 'key_few', teamId: 'team_few', own: null };
    await limiter.take(
      other,
      () => undefined,
      (free) => free(),
    );
    limiter.stop();
  });

  test.each([15, 60, 600])(
    'of %d let a burst on three replicas at once have at most 1.2 times as many',
    async (quota) => {
      clock.advance(61_000);
      const replicas = [1, 2, 3].map(
        () => new RateLimiter(gateway.database, clock, silentLogger, GENEROUS),
      );
      const use = {
        keyId: `key_${quota}`,
        teamId: `team_${quota}`,
        own: { quota, windowSeconds: 60 },
      };
      const burst = async (replica: RateLimiter) => {
        let allowed = 0;
        const ask = async () => {
          for (let count = 0; count < quota / 10; count++)
            await replica
              .take(
                use,
                () => undefined,
                (free) => free(),
              )
              .then(
                () => allowed++,
                () => undefined,
              );
        };
        await Promise.all(Array.from({ length: 20 }, ask));
        return allowed;
      };
      const allowed = await Promise.all(replicas.map(burst));
      const sum = allowed.reduce((one, other) => one + other);
      expect(sum).toBeGreaterThanOrEqual(quota);
      expect(sum).toBeLessThanOrEqual(1.2 * quota);
      for (const replica of replicas) replica.stop();
    },
  );

  test('are shared by replicas', async () => {
    const own = { quota: 10, windowSeconds: 60 };
    const replicas = [1, 2].map(() => new RateLimiter(gateway.database, clock, silentLogger));
    const take = (replica: RateLimiter | undefined) =>
      replica
        ?.take(
          { keyId: 'key_shared', teamId: 'team_shared', own },
          () => undefined,
          (free) => free(),
        )
        .then(
          () => true,
          () => false,
        );
    const [here, there] = replicas;
    for (let count = 0; count < 6; count++) expect(await take(here)).toBe(true);
    await here?.sync();
    const later: unknown[] = [];
    // Its first use is one before it has heard of the others.
    for (let count = 0; count < 6; count++) later.push(await take(there));
    expect(later).toEqual([true, true, true, true, false, false]);
    await Promise.all(replicas.map((replica) => replica.sync()));
    await Promise.all(replicas.map((replica) => replica.sync()));
    expect([await take(here), await take(there)]).toEqual([false, false]);
    expect(
      await gateway.database.prisma.rateCount.findMany({ where: { keyId: 'key_shared' } }),
    ).toMatchObject([{ count: 10 }]);
    clock.advance(61_000);
    expect([await take(here), await take(there)]).toEqual([true, true]);
  });

  test('let a burst on three processes have at most 1.2 times as many, and one that starts anew knows of it', async () => {
    const quota = 60;
    const rate_limit = { quota, window_seconds: 3600 };
    const asked = { name: 'burst', scopes: ['read'], rate_limit };
    const { id, key } = (await gateway.root.post('/v1/keys', asked)).body.data;
    const ask = async (child: Child): Promise<number> => {
      const { status } = await clientOf(child.url, key, apiDocument).get('/v1/whoami');
      // A busy machine may have it overloaded.
      return status === 503 ? ask(child) : status;
    };
    const replicas = await Promise.all([1, 2, 3].map(() => startChild(gateway)));
    const lines = replicas.flatMap((replica) =>
      Array.from({ length: 20 }, async () => [await ask(replica), await ask(replica)]),
    );
    const answers = (await Promise.all(lines)).flat();
    expect(new Set(answers)).toEqual(new Set([200, 429]));
    const allowed = answers.filter((status) => status === 200).length;
    expect(allowed).toBeGreaterThanOrEqual(quota);
    expect(allowed).toBeLessThanOrEqual(1.2 * quota);

    const counted = async () => {
      const where = { keyId: id };
      const sum = await gateway.database.prisma.rateCount.aggregate({
        where,
        _sum: { count: true },
      });
      return sum._sum.count ?? 0;
    };
    const until = (expected: number) => ({ until: (count: number) => count === expected });
    await waitFor('all to be counted', counted, until(allowed));
    await Promise.all(replicas.map((replica) => replica.kill()));
    const anew = await startChild(gateway);
    // It has yet to hear of the others, which it does with its first word to them.
    expect(await ask(anew)).toBe(200);
    await waitFor('one more to be counted', counted, until(allowed + 1));
    const later: number[] = [];
    for (let count = 0; count < 6; count++) later.push(await ask(anew));
    expect(later).toContain(429);
    await anew.kill();
  });

  test('let through no more than the quota in any window, and refuse nothing below it', () => {
    const steps = fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), steps, (quota, waits) => {
        const window = new RateWindow({ quota, windowSeconds: 60 });
        const taken: number[] = [];
        let now = 1_000_000;
        for (const wait of waits) {
          now += wait;
          // A slice of one second leaves the window as a whole.
          const within = (seconds: number) =>
            taken.filter((time) => time > now - seconds * 1000).length;
          if (window.take(now)) {
            taken.push(now);
            expect(within(59)).toBeLessThanOrEqual(quota);
          } else expect(within(61)).toBeGreaterThanOrEqual(quota);
        }
      }),
    );
  });
});
