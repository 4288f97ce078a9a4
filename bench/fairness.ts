import { startSandbox } from '../sandbox/index.js';
import { waitFor } from '../test/support/wait.js';
import { type Answered, type Asker, askFor } from './closed-loop.js';
import { median, report } from './figures.js';
import { startGatewayProcess } from './gateway-process.js';

const NORMAL_TEAMS = 9;
const GREEDY_KEYS = 10;
const GREEDY_LINES = 60;
const ROUND_SECONDS = 4;
const ROUNDS = 3;

/**
 * Nine teams that ask one request after the other, alone and beside a tenth that asks sixty at once
 * with ten keys, in turn. No two requests are alike, and no rate limits any of them.
 */
export async function fairness(dataDir: string, port: number): Promise<void> {
  const gateway = await startGatewayProcess(port, {
    DATA_DIR: `${dataDir}-fairness`,
    SANDBOX: 'false',
  });
  const sandbox = await startSandbox({ port: 0, accounts: 100 });
  const newTeam = async (name: string, keys: number): Promise<Asker[]> => {
    const made = await gateway.post('/v1/teams', { name });
    const team = { 'Rollcall-Team': made.body.data.id as string };
    const rate_limit = { quota: 1_000_000, window_seconds: 1 };
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
    const keys = await newTeam('greedy', GREEDY_KEYS);
    const greedy = Array.from(
      { length: GREEDY_LINES },
      (_, line) => keys[line % GREEDY_KEYS] as Asker,
    );
    const sum = (answers: readonly Answered[]) =>
      answers.reduce((total, { perSecond }) => total + perSecond, 0);
    const rates = { alone: [] as number[], beside: [] as number[], greedy: [] as number[] };
    const refused = { normal: 0, greedy: 0 };
    const count = (answers: readonly Answered[]) =>
      answers.flatMap((one) => [...one.refused.values()]).reduce((one, other) => one + other, 0);
    for (let round = 0; round < ROUNDS; round++) {
      rates.alone.push(sum(await askFor(ROUND_SECONDS, gateway.url, normal)));
      const both = await askFor(ROUND_SECONDS, gateway.url, [...normal, ...greedy]);
      rates.beside.push(sum(both.slice(0, NORMAL_TEAMS)));
      rates.greedy.push(sum(both.slice(NORMAL_TEAMS)));
      refused.normal += count(both.slice(0, NORMAL_TEAMS));
      refused.greedy += count(both.slice(NORMAL_TEAMS));
    }
    const rounds = `median of ${ROUNDS} rounds of ${ROUND_SECONDS} s`;
    report('nine teams alone, together', median(rates.alone), 'requests/s', rounds);
    report('the nine beside a greedy one', median(rates.beside), 'requests/s');
    report('the greedy one', median(rates.greedy), 'requests/s');
    report('the nine: beside ÷ alone', median(rates.beside) / median(rates.alone), '×');
    report('refused of the nine', refused.normal, 'requests');
    report('refused of the greedy one', refused.greedy, 'requests');
  } finally {
    await gateway.stop();
    await sandbox.close();
  }
}
