import { median, report } from './figures.js';
import { cpuSecondsOf, type GatewayProcess, startGatewayProcess } from './gateway-process.js';
import { rawClient } from './raw-client.js';

/** To each process: requests that arrive together share a look at the database. */
const CONNECTIONS = 32;
const ROUND_SECONDS = 2;
const ROUNDS = 5;
const NEW_CONNECTIONS = 1_000;
const PATH = '/v1/accounts?limit=50';

/**
 * A polled page from one process and from two behind one port, in turn. What asks takes its part of
 * the processor, so that the clock tells little on few cores: what counts is the processor time of a
 * request, and that of the supervisor, which is the part that does not get faster with processes.
 * @param dataDir as `importing` left it, or empty
 */
export async function processes(dataDir: string, port: number): Promise<void> {
  const settings = { DATA_DIR: dataDir, SANDBOX: 'false' };
  // The first one starts the database, whose time then counts for neither.
  const one = await startGatewayProcess(port, settings);
  const two = await startGatewayProcess(port + 1, { ...settings, WEB_CONCURRENCY: '2' });
  try {
    const ofOne = () => cpuSecondsOf(one.pid, false);
    const ofTwo = () => cpuSecondsOf(two.pid);
    const ofSupervisor = () => cpuSecondsOf(two.pid, false);
    const rates: [number[], number[]] = [[], []];
    const costs: [number[], number[]] = [[], []];
    for (let round = 0; round <= ROUNDS; round += 1) {
      for (const [index, subject] of [one, two].entries()) {
        const cpu = index === 0 ? ofOne : ofTwo;
        const before = await cpu();
        const answered = await poll(subject, port + index, CONNECTIONS * (index + 1));
        const micros = (1e6 * ((await cpu()) - before)) / answered;
        // The first round warms up.
        if (round === 0) continue;
        rates[index]?.push(answered / ROUND_SECONDS);
        costs[index]?.push(micros);
      }
    }
    const before = await ofSupervisor();
    for (let made = 0; made < NEW_CONNECTIONS; made += 1) {
      const client = await rawClient(port + 1, authorization(two));
      await client.get('/livez');
      client.close();
    }
    const perConnection = (1e6 * ((await ofSupervisor()) - before)) / NEW_CONNECTIONS;
    const [cost, costOfTwo] = costs.map(median) as [number, number];
    const [rate, rateOfTwo] = rates.map(median) as [number, number];
    report('polled page, one process', cost, 'µs', 'processor time of a request');
    report('the same, two processes and their supervisor', costOfTwo, 'µs');
    report('supervisor, for each new connection', perConnection, 'µs', 'the serial part');
    report('two processes ÷ one, by the clock', rateOfTwo / rate, '×', 'who asks shares the cores');
    for (const count of [2, 4])
      report(
        `${count} processes ÷ one, on ${count} cores of their own`,
        (count * cost) / costOfTwo,
        '×',
        'projected from processor time, connections kept',
      );
  } finally {
    await two.stop();
    await one.stop();
  }
}

const authorization = ({ key }: GatewayProcess) => ({ authorization: `Bearer ${key}` });

/** @returns how many requests were answered in a round */
async function poll(gateway: GatewayProcess, port: number, connections: number): Promise<number> {
  const end = performance.now() + ROUND_SECONDS * 1_000;
  const counts = await Promise.all(
    Array.from({ length: connections }, async () => {
      const client = await rawClient(port, authorization(gateway));
      let answered = 0;
      for (; performance.now() < end; answered += 1) {
        const status = await client.get(PATH);
        if (status !== 200) throw new Error(`the gateway answered with ${status}`);
      }
      client.close();
      return answered;
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}
