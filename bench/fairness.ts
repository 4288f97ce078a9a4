import { startSandbox } from '../sandbox/index.js';
import { waitFor } from '../test/support/wait.js';
import { type Answered, type Asker, askFor } from './closed-loop.js';
import { median, report } from './figures.js';
import { type GatewayProcess, startGatewayProcess } from './gateway-process.js';

const NORMAL_TEAMS = 9;
const OTHER_KEYS = 10;
const OTHER_LINES = 60;
const ROUND_SECONDS = 3;
const ROUNDS = 7;

const UNLIMITED = { quota: 1_000_000, window_seconds: 1 };
const USED_UP = { quota: 1, window_seconds: 3_600 };

/**
 * Nine teams that ask one request after the other: alone, beside a tenth that asks sixty at once with
 * ten keys, and beside one that does so over its limit. No two requests are alike. The three take
 * turns, forth and back, in rounds that are compared one by one: another load on the machine falls on
 * all of them. Who asks shares the machine, too, and what the tenth team's requests cost it there is
 * taken from the nine. That is under a fiftieth of a core as long as the tenth is answered as often as
 * one of the nine, and refused fifty times a second. On a machine that is busy with other things only
 * the part of the nine in all answers tells something: it is of one and the same time.
 */
export async function fairness(dataDir: string, port: number): Promise<void> {
  const gateway = await startGatewayProcess(port, {
    DATA_DIR: `${dataDir}-fairness`,
    SANDBOX: 'false',
  });
  const sandbox = await startSandbox({ port: 0, accounts: 100 });
  const newTeam = async (name: string, keys: number, rate_limit = UNLIMITED): Promise<Asker[]> => {
    const made = await gateway.post('/v1/teams', { name });
    const team = { 'Rollcall-Team': made.body.data.id as string };
    const askers: Asker[] = [];
    for (let count = 0; count < keys; count++) {
      const key = await gateway.post('/v1/keys', { name, scopes: ['read'], rate_limit }, team);
      askers.push({
        headers: { authorization: `Bearer ${key.body.data.key}` },
        pathOf: (number) =>
          `/v1/accounts?limit=50&updated_since=${new Date(1e12 + number).toISOString()}`,
      });
    }
    const connection = {
      provider: 'outfame',
      credentials: { api_key: sandbox.apiKey('outfame') },
      base_url: sandbox.baseUrl('outfame'),
    };
    const connected = await gateway.post('/v1/connections', connection, team);
    await waitFor(
      `the accounts of ${name}`,
      () => gateway.get(`/v1/connections/${connected.body.data.id}/sweeps`, team),
      { until: ({ body }) => body.data[0]?.finished_at != null, everyMs: 50 },
    );
    return askers;
  };
  try {
    const normal: Asker[] = [];
    for (let count = 0; count < NORMAL_TEAMS; count++)
      normal.push(...(await newTeam(`normal ${count}`, 1)));
    const nobody: Asker[] = [];
    const greedy = inLines(await newTeam('greedy', OTHER_KEYS));
    const refused = inLines(await newTeam('refused', OTHER_KEYS, USED_UP));
    const rounds: Record<'alone' | 'greedy' | 'refused', Round>[] = [];
    for (let number = 0; number < ROUNDS; number++) {
      const round = { alone: nobody, greedy, refused };
      const names = Object.keys(round) as (keyof typeof round)[];
      const results = { alone: NOTHING, greedy: NOTHING, refused: NOTHING };
      for (const name of number % 2 === 0 ? names : names.reverse())
        results[name] = await measure(gateway, normal, round[name]);
      rounds.push(results);
    }
    const all = `median of ${ROUNDS} rounds of ${ROUND_SECONDS} s`;
    const middle = (of: (round: (typeof rounds)[number]) => number) => median(rounds.map(of));
    report(
      'nine teams alone, together',
      middle(({ alone }) => alone.nine),
      'requests/s',
      all,
    );
    const ratio = (name: 'greedy' | 'refused') => {
      const ratios = rounds.map((round) => round[name].nine / round.alone.nine);
      const range = [Math.min(...ratios), Math.max(...ratios)].map((one) => one.toFixed(2));
      report('  beside ÷ alone', median(ratios), '×', `${range.join(' to ')}`);
      const costs = rounds.map((round) => round.alone.cpuMs / round[name].cpuMs);
      report('  processor time for each answer, alone ÷ beside', median(costs), '×');
    };
    report(
      'the nine beside a greedy one',
      middle((round) => round.greedy.nine),
      'requests/s',
    );
    ratio('greedy');
    report(
      '  the greedy one',
      middle((round) => round.greedy.other),
      'requests/s',
    );
    const part = ({ greedy: { nine, other } }: (typeof rounds)[number]) => nine / (nine + other);
    report('  part of the nine in all answers', middle(part), '', 'nine tenths is an equal part');
    report(
      'the nine beside one over its limit',
      middle((round) => round.refused.nine),
      'requests/s',
    );
    ratio('refused');
    report(
      '  the one over its limit',
      middle((round) => round.refused.refusals),
      'refusals/s',
    );
    const lost = rounds.flatMap((round) => Object.values(round).map(({ failures }) => failures));
    report('refused of the nine', Math.max(...lost), 'requests');
  } finally {
    await gateway.stop();
    await sandbox.close();
  }
}

/** What was answered in a round, a second. */
interface Round {
  readonly nine: number;
  /** What the gateway and its database took in all for each answer to the nine. */
  readonly cpuMs: number;
  readonly other: number;
  /** Of the other team. */
  readonly refusals: number;
  /** Of the nine, in all. */
  readonly failures: number;
}

const NOTHING: Round = { nine: 0, cpuMs: 0, other: 0, refusals: 0, failures: 0 };

async function measure(
  gateway: GatewayProcess,
  nine: readonly Asker[],
  other: readonly Asker[],
): Promise<Round> {
  const before = await gateway.cpuSeconds();
  const answers = await askFor(ROUND_SECONDS, gateway.url, [...nine, ...other]);
  const cpu = (await gateway.cpuSeconds()) - before;
  const [ofNine, ofOther] = [answers.slice(0, nine.length), answers.slice(nine.length)];
  const answered = sum(ofNine.map(({ perSecond }) => perSecond));
  return {
    nine: answered,
    cpuMs: (cpu * 1_000) / (answered * ROUND_SECONDS),
    other: sum(ofOther.map(({ perSecond }) => perSecond)),
    refusals: sum(ofOther.map(refusalsOf)) / ROUND_SECONDS,
    failures: sum(ofNine.map(refusalsOf)),
  };
}

function inLines(keys: readonly Asker[]): Asker[] {
  return Array.from({ length: OTHER_LINES }, (_, line) => keys[line % keys.length] as Asker);
}

function refusalsOf({ refused }: Answered): number {
  return sum([...refused.values()]);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
