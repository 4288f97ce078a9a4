import fc from 'fast-check';
import { CredentialRefresh } from '../../src/connections/index.js';
import { SealedCredentials } from '../../src/connections/sealed-credentials.js';
import { type Database, openDatabase, ProcessLease } from '../../src/database/index.js';
import { armCrashPoints } from '../../src/lib/crash-point.js';
import { createSealer } from '../../src/lib/seal.js';
import { ProviderError } from '../../src/model/index.js';
import {
  createProviders,
  type ProviderConnection,
  type Providers,
} from '../../src/providers/index.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { SECRET } from '../support/gateway.js';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  test,
} from '../support/jest.js';
import { type ManualClock, manualClock } from '../support/manual-clock.js';
import { bareItem, expiringAdapter } from '../support/small-adapters.js';
import { failureOf, json, type SmallProvider, startSmallProvider } from './small-provider.js';

const RUNS = Number(process.env.REFRESH_RUNS ?? 40);
const LIFETIME_SECONDS = 1_000;

/** What becomes of the next request for a token. */
type Fate = 'answered' | 'lost' | 'cut' | 'down' | 'proxy' | 'slow_down';

/** Rotates refresh tokens, and counts those that come twice. */
class TokenServer {
  spends = 0;
  /** Ends before the answer to a refresh token goes out. */
  beforeAnswer: () => Promise<void> = async () => undefined;
  reuses = 0;
  readonly fates: Fate[] = [];
  private number = 0;
  private refreshToken = 'refresh_0000000000000000';
  private readonly spent = new Set<string>();
  private access: { readonly token: string; readonly until: number } | null = null;

  constructor(
    private readonly provider: SmallProvider,
    private readonly clock: ManualClock,
  ) {
    provider.answer((request, response) => {
      if (request.url !== '/v1/token') return this.list(request, response);
      const fate = this.fates.shift() ?? 'answered';
      const token = new URLSearchParams(this.provider.requests.at(-1)?.body).get('refresh_token');
      if (fate === 'cut') return response.destroy();
      if (fate === 'down') return json(503, { error: 'down' })(request, response);
      if (fate === 'slow_down') return json(429, { error: 'slow_down' })(request, response);
      if (fate === 'proxy') return response.writeHead(502).end('<html>');
      if (token !== this.refreshToken) {
        if (token !== null && this.spent.has(token)) this.reuses += 1;
        return json(400, { error: 'invalid_grant' })(request, response);
      }
      this.spends += 1;
      this.spent.add(token);
      this.number += 1;
      this.refreshToken = `refresh_${String(this.number).padStart(16, '0')}`;
      const until = this.clock.now().getTime() + LIFETIME_SECONDS * 1_000;
      this.access = { token: `access_${String(this.number).padStart(16, '0')}`, until };
      if (fate === 'lost') return response.destroy();
      const answer = {
        access_token: this.access.token,
        refresh_token: this.refreshToken,
        expires_in: LIFETIME_SECONDS,
      };
      void this.beforeAnswer().then(() => json(200, answer)(request, response));
    });
  }

  /** Ends the access token before its time. */
  revoke(): void {
    this.access = null;
  }

  private readonly list: Parameters<SmallProvider['answer']>[0] = (request, response) => {
    const works = this.access !== null && this.clock.now().getTime() < this.access.until;
    const isKnown = request.headers.authorization === `Bearer ${this.access?.token}`;
    if (!works || !isKnown) return json(401, { error: 'invalid_grant' })(request, response);
    json(200, [{ ...bareItem('a'), note: this.access?.token }])(request, response);
  };
}

let testDatabase: TestDatabase;
let database: Database;
let provider: SmallProvider;
let clock: ManualClock;
let server: TokenServer;
let row: string;
let replicas: Replica[];
/** The places at which the process that comes there ends. */
let crashes: string[];
let connectionCount = 0;
const sealer = createSealer(SECRET);
const sealed = new SealedCredentials(sealer);

/** A process of the gateway, as far as it refreshes credentials. */
interface Replica {
  readonly providers: Providers;
  readonly lease: ProcessLease;
}

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase({ connection: testDatabase.connection, poolSize: 12 });
  await database.prisma.team.create({ data: { id: 'team_1', name: 'one' } });
  provider = await startSmallProvider();
  armCrashPoints((place) => {
    if (crashes[0] !== place) return;
    crashes.shift();
    throw new Error(`the process ends at ${place}`);
  });
});

afterAll(async () => {
  await provider?.close();
  await database?.close();
  await testDatabase?.drop();
});

beforeEach(() => begin());
afterEach(() => end());

async function begin(): Promise<void> {
  clock = manualClock('2026-02-09T12:00:00Z', { skip: true });
  server = new TokenServer(provider, clock);
  provider.requests.splice(0);
  crashes = [];
  connectionCount += 1;
  row = `conn_${connectionCount}`;
  const given = {
    client_id: 'client-1',
    client_secret: 'word_0123456789abcdef',
    refresh_token: 'refresh_0000000000000000',
  };
  await database.prisma.connection.create({
    data: {
      id: row,
      teamId: 'team_1',
      provider: 'expiring',
      name: row,
      baseUrl: provider.baseUrl,
      credentials: sealed.seal(given, row),
      sweepIntervalSeconds: 300,
    },
  });
  replicas = [startReplica(), startReplica()];
}

async function end(): Promise<void> {
  for (const { lease, providers } of replicas) {
    await lease.end();
    await providers.close();
  }
}

function startReplica(): Replica {
  const lease = new ProcessLease(database);
  const keeper = new CredentialRefresh({ database, lease, sealer, clock, lasts: () => false });
  const policies = { readAttempts: 1, breakerConsecutive: 1_000, breakerShare: 2 };
  return {
    lease,
    providers: createProviders({ clock, adapters: [expiringAdapter], keeper, policies }),
  };
}

/** Another process in place of one that has ended. */
async function restart(replica: Replica): Promise<void> {
  await replica.lease.end();
  replicas = replicas.map((one) => (one === replica ? startReplica() : one));
}

async function stored(): Promise<ProviderConnection> {
  const held = await database.prisma.connection.findUniqueOrThrow({ where: { id: row } });
  return {
    id: row,
    provider: 'expiring',
    baseUrl: held.baseUrl,
    credentials: sealed.open(held).current,
    tokenExpiresAt: held.tokenExpiresAt,
    tokenRefreshAt: held.tokenRefreshAt,
  };
}

async function list(replica = replicas[0], access?: ProviderConnection) {
  if (replica === undefined) throw new Error('there is no replica');
  const connection = access ?? (await stored());
  return replica.providers.list(connection, { cursor: null }, {});
}

const LOST = /The answer to the refresh token of this connection was lost/;

describe('credentials that expire', () => {
  test('are refreshed when they are needed first, sealed, and used until shortly before their end', async () => {
    const given = await stored();
    const { accounts } = await list();
    expect(accounts[0]?.remoteData.note).toBe('[redacted]');
    for (let call = 0; call < 3; call += 1) await list();
    // Who still holds the credentials of before gets by with what came after them.
    await list(replicas[0], given);
    await list(replicas[1], given);
    expect(server.spends).toBe(1);
    const after = await stored();
    expect(after.credentials).toMatchObject({
      client_id: 'client-1',
      access_token: 'access_0000000000000001',
      refresh_token: 'refresh_0000000000000001',
    });
    expect(after.tokenExpiresAt).toEqual(new Date('2026-02-09T12:16:40Z'));
    const held = await database.prisma.connection.findUniqueOrThrow({ where: { id: row } });
    expect(sealed.open(held).given).toEqual(given.credentials);
    expect(Buffer.from(held.credentials).toString('latin1')).not.toContain('access_');

    clock.advance(0.8 * LIFETIME_SECONDS * 1_000);
    await list();
    expect(server.spends).toBe(2);
    expect(server.reuses).toBe(0);
  });

  test('are refreshed once for all who ask, on all replicas', async () => {
    const access = await stored();
    await Promise.all(
      Array.from({ length: 16 }, (_none, number) => list(replicas[number % 2], access)),
    );
    expect(server.spends).toBe(1);
    expect(provider.requests.filter(({ url }) => url === '/v1/token')).toHaveLength(1);
  });

  test('are refreshed once more when the provider rejects them before their end', async () => {
    await list();
    server.revoke();
    await list();
    await list(replicas[1]);
    expect(server.spends).toBe(2);
  });

  test.each<Fate>(['down', 'slow_down'])(
    'a transient failure (%s) is no rejection: the access token is used while it lasts',
    async (fate) => {
      await list();
      clock.advance(0.8 * LIFETIME_SECONDS * 1_000);
      server.fates.push(fate);
      await list();
      expect(server.spends).toBe(1);
      clock.advance(LIFETIME_SECONDS * 1_000);
      server.fates.push(fate);
      expect(await failureOf(list())).not.toMatchObject({ code: 'credential_rejected' });
      clock.advance(120_000);
      await list();
      expect([server.spends, server.reuses]).toEqual([2, 0]);
    },
  );

  test.each<Fate>(['lost', 'cut', 'proxy'])(
    'after an answer that is lost (%s) the token is not sent again, which the end of the access token tells',
    async (fate) => {
      await list();
      clock.advance(0.8 * LIFETIME_SECONDS * 1_000);
      server.fates.push(fate);
      const before = server.spends;
      const works = fate !== 'lost';
      const during = await list().catch((error: unknown) => error);
      if (works) expect(during).toMatchObject({ accounts: [expect.anything()] });
      clock.advance(LIFETIME_SECONDS * 1_000);
      for (const replica of replicas) {
        const error = await failureOf(list(replica));
        expect(error).toMatchObject({ code: 'credential_rejected' });
        expect(error).toMatchObject({ message: expect.stringMatching(LOST) });
      }
      expect(server.spends - before).toBe(fate === 'lost' ? 1 : 0);
      expect(server.reuses).toBe(0);
    },
  );

  test('the refusal of a refresh token is a rejection', async () => {
    const { credentials } = await stored();
    const wrong = { ...credentials, refresh_token: 'refresh_of_somebody_else' };
    await database.prisma.connection.update({
      where: { id: row },
      data: { credentials: sealed.seal(wrong, row) },
    });
    expect(await failureOf(list())).toMatchObject({ code: 'credential_rejected', status: 400 });
  });

  test('of a connection that was deleted are not refreshed, and whoever asks is told', async () => {
    const held = await stored();
    await database.prisma.connection.delete({ where: { id: row } });
    await expect(list(replicas[0], held)).rejects.toMatchObject({
      code: 'not_found',
      detail: expect.stringContaining(`Connection ${row} was deleted`),
    });
    expect(server.spends).toBe(0);
  });

  test('credentials that somebody gives meanwhile are not overwritten', async () => {
    const given = { ...(await stored()).credentials, client_id: 'client-2' };
    server.beforeAnswer = async () => {
      const data = { credentials: sealed.seal(given, row), refreshLeasedBy: null };
      await database.prisma.connection.update({ where: { id: row }, data });
    };
    await list().catch(() => undefined);
    expect((await stored()).credentials).toEqual(given);
  });
});

/** Fates that leave the server's state unknown to us. */
const UNKNOWN: readonly Fate[] = ['lost', 'cut', 'proxy'];

type Happening =
  | { readonly kind: 'call'; readonly who: number; readonly times: number }
  | { readonly kind: 'wait'; readonly share: number }
  | { readonly kind: 'fate'; readonly fate: Fate }
  | { readonly kind: 'crash'; readonly place: string }
  | { readonly kind: 'revoke' };

/** One thing that happens. */
const happening: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('call' as const),
      who: fc.nat(1),
      times: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('wait' as const),
      share: fc.constantFrom(0.3, 0.8, 1.2),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('fate' as const),
      fate: fc.constantFrom<Fate>('answered', 'lost', 'cut', 'down', 'proxy', 'slow_down'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('crash' as const),
      place: fc.constantFrom('refresh:before', 'refresh:after'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('revoke' as const) }) },
);

test('whatever crashes and whatever is lost: no refresh token is spent twice, and the connection lives or says why not', async () => {
  await end();
  const perform = async (happenings: readonly Happening[]) => {
    await begin();
    let mayBeLost = false;
    try {
      for (const event of happenings) {
        if (event.kind === 'wait') clock.advance(event.share * LIFETIME_SECONDS * 1_000);
        if (event.kind === 'fate') {
          server.fates.push(event.fate);
          mayBeLost ||= UNKNOWN.includes(event.fate);
        }
        if (event.kind === 'crash') crashes.push(event.place);
        if (event.kind === 'revoke') server.revoke();
        if (event.kind !== 'call') continue;
        const access = await stored();
        const calls = Array.from({ length: event.times }, (_none, number) => {
          const replica = replicas[(event.who + number) % 2];
          return list(replica, access).catch(async (error: unknown) => {
            // The process is gone, and with it all that it had under way.
            if (!(error instanceof ProviderError) && replica) await restart(replica);
            if (!(error instanceof ProviderError)) mayBeLost = true;
          });
        });
        await Promise.all(calls);
      }
      crashes = [];
      server.fates.splice(0);
      clock.advance(2 * LIFETIME_SECONDS * 1_000);
      const last = startReplica();
      replicas = [...replicas, last];
      const end = await list(last).catch((error: unknown) => error);
      expect(server.reuses).toBe(0);
      if (end instanceof Error) {
        expect(end).toMatchObject({ code: 'credential_rejected' });
        expect(end.message).toMatch(LOST);
        expect(mayBeLost).toBe(true);
      }
    } finally {
      await end();
    }
  };
  await fc.assert(fc.asyncProperty(fc.array(happening, { minLength: 3, maxLength: 12 }), perform), {
    numRuns: RUNS,
  });
  await begin();
});
