import { seededRandom } from '../../sandbox/deterministic.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';
import { shiftedClock } from '../support/manual-clock.js';
import { waitFor } from '../support/wait.js';

/**
 * Tries to make the disconnect of a profile reach an account of somebody else who has or had the
 * same handle, in random orders of what happens to both people, of sweeps that see it or not, and
 * of the request. A profile is of the person whose platform id it
 * shows, and one that shows none of whom it was in the beginning.
 */
const TRIES = 200;
const ROUNDS = 2;
const MINUTES = 60_000;

const clock = shiftedClock();
let gateway: Gateway;
const connections: Partial<Record<Provider, string>> = {};

type Provider = 'outfame' | 'socialsyncer' | 'octopost';
const PROVIDERS: readonly Provider[] = ['outfame', 'socialsyncer', 'octopost'];

beforeAll(async () => {
  gateway = await startGateway({
    clock,
    disconnects: { firstDelayMs: 10, longestDelayMs: 40, keepsTryingMs: 3_600_000 },
  });
  for (const provider of PROVIDERS) {
    gateway.sandbox.provider(provider).changeSettings({ requests_per_minute: 1_000_000 });
    connections[provider] = await gateway.connect(provider);
  }
});
afterAll(() => gateway.stop());

const sweep = (provider: Provider) => gateway.sweep(connections[provider] ?? '');
const putOutfame = (id: string, username: string) =>
  gateway.sandbox.provider('outfame').putAccount(id, { instagram_username: username });
const putSocialsyncer = (id: string, username: string) =>
  gateway.sandbox.provider('socialsyncer').putAccount(`instagram/${id}`, { username });
const putOctopost = (id: string, platformId: string, username: string) =>
  gateway.sandbox.provider('octopost').putAccount(id, {
    platform: 'instagram',
    platform_user_id: platformId,
    username,
  });

type Person = 'a' | 'b';

/** One try: the person who is to be disconnected, and the other one. */
class Try {
  readonly handle: string;
  private readonly random: () => number;
  private readonly a: string;
  private readonly b: string;
  /** The account at Octopost is the other person's now. */
  private isTakenOver = false;
  private planFor: Person | null = null;
  /** Whose profile it is that was asked to end. */
  private target: Person | null = null;
  private readonly hasId: boolean;
  profileId = '';
  planHash = '';
  disconnectId: string | null = null;

  constructor(readonly number: number) {
    this.random = seededRandom(7_000 + number);
    this.handle = `handle.${number}`;
    this.a = `178414${10_000_000 + number}1`;
    this.b = `178414${10_000_000 + number}2`;
    this.hasId = this.chance(0.8);
    if (this.hasId) putSocialsyncer(this.a, this.handle);
    if (this.hasId && this.chance(0.5)) putOctopost(`acc_A${number}`, this.a, this.handle);
    if (!this.hasId || this.chance(0.5)) putOutfame(`acc_A${number}`, this.handle);
    if (this.chance(0.5)) this.appear('socialsyncer', `old.${number}`);
  }

  /** By which the person's profile is found: their own account. */
  get ref(): string {
    return this.hasId ? `socialsyncer:instagram/${this.a}` : `outfame:acc_A${this.number}`;
  }

  chance(of: number): boolean {
    return this.random() < of;
  }

  /** Something happens that no provider tells us of by itself. */
  happen(): void {
    const { number, handle } = this;
    const what = Math.floor(this.random() * 7);
    if (what === 0) this.rename(`renamed.${number}`);
    if (what === 1) this.appear('outfame', handle);
    if (what === 2) this.appear('socialsyncer', handle);
    if (what === 3) this.appear('octopost', handle);
    if (what === 4) this.leave();
    if (what === 5) this.takeOver();
  }

  /** Some providers show it, others not yet. */
  private rename(username: string): void {
    if (this.hasId && this.chance(0.7)) putSocialsyncer(this.a, username);
    const octopost = gateway.sandbox.provider('octopost');
    if (!this.isTakenOver && octopost.account(`acc_A${this.number}`) && this.chance(0.7))
      putOctopost(`acc_A${this.number}`, this.a, username);
  }

  /** The other person is held by a provider under a username. */
  private appear(provider: Provider, username: string): void {
    const id = provider === 'socialsyncer' ? `instagram/${this.b}` : `acc_B${this.number}`;
    if (provider === 'outfame') putOutfame(id, username);
    if (provider === 'socialsyncer') putSocialsyncer(this.b, username);
    if (provider === 'octopost') putOctopost(id, this.b, username);
  }

  /** The person's own accounts end at their providers. */
  private leave(): void {
    if (this.chance(0.7))
      gateway.sandbox.provider('socialsyncer').removeAccount(`instagram/${this.a}`);
    if (this.chance(0.5)) gateway.sandbox.provider('outfame').removeAccount(`acc_A${this.number}`);
    if (this.chance(0.5)) gateway.sandbox.provider('octopost').removeAccount(`acc_A${this.number}`);
  }

  /** The provider gives the person's account, under its id, to the other person. */
  private takeOver(): void {
    const id = `acc_A${this.number}`;
    if (!gateway.sandbox.provider('octopost').account(id)) return;
    putOctopost(id, this.b, this.handle);
    this.isTakenOver = true;
  }

  /** Whose account it is. */
  ownerOf(ref: string): Person {
    if (ref === `octopost:acc_A${this.number}`) return this.isTakenOver ? 'b' : 'a';
    return ref === `socialsyncer:instagram/${this.a}` || ref === `outfame:acc_A${this.number}`
      ? 'a'
      : 'b';
  }

  /** Whose profile callers see; `null`: it does not say, or is no more. */
  private async look(): Promise<Person | null> {
    const { status, body } = await gateway.root.get(`/v1/profiles/${this.profileId}`);
    if (status !== 200) return null;
    const { platform_user_id: id, members } = body.data;
    if (id.value !== null) return id.value === this.a ? 'a' : 'b';
    // Without an id it is whose it was when it was looked at first.
    return members.length === 1 ? 'a' : null;
  }

  async plan(): Promise<void> {
    this.planFor = await this.look();
    const asked = { profile_id: this.profileId, include_weak: true, dry_run: true };
    this.planHash = (await gateway.root.post('/v1/disconnects', asked)).body.data.plan_hash;
  }

  /** Asks for the end of the profile that was looked at in the beginning. */
  async disconnect(): Promise<void> {
    const { root } = gateway;
    const isPlanned = this.planHash !== '' && this.chance(0.5);
    this.target = isPlanned ? this.planFor : await this.look();
    const answer = isPlanned
      ? await root.post('/v1/disconnects', {
          profile_id: this.profileId,
          plan_hash: this.planHash,
          include_weak: true,
        })
      : await root.delete(`/v1/profiles/${this.profileId}`, { Prefer: 'respond-async' });
    if (answer.status === 200 || answer.status === 202) this.disconnectId = answer.body.data.id;
    else expect([404, 409, 422]).toContain(answer.status);
  }

  /** Those of deleted accounts that are not of the person whose profile was meant. */
  strangersAmong(refs: readonly string[]): string[] {
    return refs
      .filter((ref) => this.ownerOf(ref) !== this.target)
      .map((ref) => `${this.number}: ${ref}, meant was ${this.target}`);
  }
}

/** What was deleted, by disconnect. */
async function deleted(): Promise<ReadonlyMap<string, readonly string[]>> {
  const steps = await gateway.database.prisma.disconnectStep.findMany({
    where: { state: 'succeeded', outcome: 'disconnected' },
  });
  const refs = new Map<string, string[]>();
  for (const { disconnectId, provider, providerAccountId } of steps)
    refs.set(disconnectId, [...(refs.get(disconnectId) ?? []), `${provider}:${providerAccountId}`]);
  return refs;
}

/** Several at a time. */
async function eachOf(tries: readonly Try[], work: (one: Try) => Promise<void>): Promise<void> {
  for (let start = 0; start < tries.length; start += 10)
    await Promise.all(tries.slice(start, start + 10).map(work));
}

async function finished(): Promise<void> {
  const look = async () => {
    await gateway.app.recurringJobs.runAll();
    return gateway.database.prisma.disconnect.count({ where: { finishedAt: null } });
  };
  await waitFor('every disconnect to finish', look, { until: (open) => open === 0 });
}

test(`none of ${TRIES} tries reaches an account of another person`, async () => {
  const tries = Array.from({ length: TRIES }, (_, number) => new Try(number));
  for (const provider of PROVIDERS) await sweep(provider);
  await eachOf(tries, async (one) => {
    const { body } = await gateway.root.get(`/v1/accounts/${encodeURIComponent(one.ref)}`);
    one.profileId = body.data.profile_id;
    if (one.number % 2 === 0) await one.plan();
  });
  const random = seededRandom(4_711);
  const reached: string[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const isLast = round === ROUNDS;
    for (const one of tries) one.happen();
    clock.advance(2 * MINUTES);
    for (const provider of PROVIDERS) if (random() < 0.6) await sweep(provider);
    const asking = tries.filter((one) => one.disconnectId === null && (isLast || one.chance(0.3)));
    await eachOf(asking, (one) => one.disconnect());
    await finished();
    const refs = await deleted();
    for (const one of asking)
      reached.push(...one.strangersAmong(refs.get(one.disconnectId ?? '') ?? []));
  }
  expect(reached).toEqual([]);
  // They were no idle tries.
  expect(tries.filter(({ disconnectId }) => disconnectId !== null).length).toBeGreaterThan(
    TRIES / 3,
  );
  expect((await deleted()).size).toBeGreaterThan(TRIES / 3);
});
