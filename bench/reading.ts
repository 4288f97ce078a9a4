import { spawn } from 'node:child_process';
import { waitFor } from '../test/support/wait.js';
import { askFor } from './closed-loop.js';
import { median, report } from './figures.js';
import { startGatewayProcess } from './gateway-process.js';

const CONNECTIONS = 16;
const ROUND_SECONDS = 4;
const ROUNDS = 3;

/**
 * `GET /v1/accounts?limit=50` beside a bare Express + Prisma `findMany` of the same rows, in turn.
 * @param dataDir as `importing` left it
 */
export async function reading(dataDir: string, port: number): Promise<void> {
  const gateway = await startGatewayProcess(port, { DATA_DIR: dataDir, SANDBOX: 'false' });
  const barePort = port + 1;
  const bareServer = decodeURIComponent(new URL('./bare-server.js', import.meta.url).pathname);
  const bare = spawn(process.execPath, [bareServer, dataDir, String(barePort)], {
    stdio: 'inherit',
  });
  try {
    const bareUrl = `http://127.0.0.1:${barePort}`;
    const isUp = () =>
      fetch(`${bareUrl}/accounts`).then(
        ({ ok }) => ok,
        () => false,
      );
    await waitFor('the bare server to answer', isUp, { everyMs: 50 });
    const rates = { polled: [] as number[], asked: [] as number[], bare: [] as number[] };
    const authorization = { authorization: `Bearer ${gateway.key}` };
    for (let round = 0; round < ROUNDS; round++) {
      rates.polled.push(
        await requestsPerSecond(gateway.url, () => '/v1/accounts?limit=50', authorization),
      );
      rates.asked.push(
        await requestsPerSecond(
          gateway.url,
          (number) =>
            `/v1/accounts?limit=50&updated_since=${new Date(number + round * 1e7).toISOString()}`,
          authorization,
        ),
      );
      rates.bare.push(await requestsPerSecond(bareUrl, () => '/accounts', {}));
    }
    report(
      'GET /v1/accounts?limit=50, polled',
      median(rates.polled),
      'requests/s',
      `median of ${ROUNDS} rounds of ${ROUND_SECONDS} s`,
    );
    report('the same rows, no two requests alike', median(rates.asked), 'requests/s');
    report('bare Express + Prisma findMany of the same rows', median(rates.bare), 'requests/s');
    report('polled ÷ bare', median(rates.polled) / median(rates.bare), '×');
    report('no two alike ÷ bare', median(rates.asked) / median(rates.bare), '×');
  } finally {
    bare.kill('SIGKILL');
    await gateway.stop();
  }
}

async function requestsPerSecond(
  url: string,
  pathOf: (number: number) => string,
  headers: Record<string, string>,
): Promise<number> {
  const askers = Array.from({ length: CONNECTIONS }, () => ({ headers, pathOf }));
  const answers = await askFor(ROUND_SECONDS, url, askers);
  const [status] = answers.flatMap(({ refused }) => [...refused.keys()]);
  if (status !== undefined) throw new Error(`${url} answered ${status}`);
  return answers.reduce((sum, { perSecond }) => sum + perSecond, 0);
}
