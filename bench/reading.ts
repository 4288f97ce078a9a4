import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startSandbox } from '../sandbox/index.js';
import { waitFor } from '../test/support/wait.js';
import { median, report, spread } from './figures.js';
import { cpuSecondsOf, type GatewayProcess, startGatewayProcess } from './gateway-process.js';
import { rawClient } from './raw-client.js';

const CONNECTIONS = 16;
const ROUND_SECONDS = 2;
const ROUNDS = 5;
/** Accounts where no other bench has left any. */
const ACCOUNTS = 2_000;
const MAX_SWEEP_MS = 120_000;

/** Who is asked, and for what. */
interface Subject {
  readonly name: string;
  readonly port: number;
  /** Of the process that answers. */
  readonly pid: number;
  /** @param number counts the requests of the run, so that no two need be alike */
  readonly pathOf: (number: number) => string;
  /** Found out at the start of each round: what an ETag says goes out of date. */
  readonly headers: () => Promise<Readonly<Record<string, string>>>;
  readonly status: number;
}

interface Rounds {
  readonly rates: number[];
  /** Microseconds of processor time that the answering process took for a request. */
  readonly costs: number[];
}

/**
 * Reads of accounts beside what answers the same rows or bytes and does nothing else, all in turn.
 * Another load on the machine falls on all of them; processor time tells more there than the clock.
 * @param dataDir as `importing` left it, or anew
 */
export async function reading(dataDir: string, port: number): Promise<void> {
  const gateway = await startGatewayProcess(port, { DATA_DIR: dataDir, SANDBOX: 'false' });
  const anchors: ChildProcess[] = [];
  try {
    await fill(gateway);
    const authorization = { authorization: `Bearer ${gateway.key}` };
    const page = await fetch(`${gateway.url}/v1/accounts?limit=50`, { headers: authorization });
    const text = await page.text();
    const folder = `${dataDir}-page`;
    await mkdir(folder, { recursive: true });
    const file = join(folder, 'page.json');
    await writeFile(file, text);
    const id = JSON.parse(text).data[0].id as string;

    const start = async (kind: string, path: string): Promise<Subject> => {
      const at = port + 1 + anchors.length;
      const child = startAnchor([kind, dataDir, file, String(at)]);
      anchors.push(child);
      const url = `http://127.0.0.1:${at}${path}`;
      const isUp = () =>
        fetch(url).then(
          async (answer) => answer.ok && (await answer.text()),
          () => false,
        );
      await waitFor(`${kind} to answer`, isUp, { everyMs: 50 });
      return {
        name: kind,
        port: at,
        pid: child.pid ?? 0,
        pathOf: () => path,
        headers: async () => ({}),
        status: 200,
      };
    };
    const own = (
      name: string,
      path: string | Subject['pathOf'],
      more = {},
      status = 200,
    ): Subject => ({
      name,
      port,
      pid: gateway.pid,
      pathOf: typeof path === 'string' ? () => path : path,
      headers: async () => ({ ...authorization, ...more }),
      status,
    });
    const sinceOf = (number: number) => `updated_since=${new Date(1e12 + number).toISOString()}`;
    const different = (subject: Subject): Subject => ({
      ...subject,
      pathOf: (number) => `/page?${sinceOf(number)}`,
    });

    const expressPrisma = await start('express-prisma', '/page');
    const expressStatic = await start('express-static', '/page.json');
    const subjects = {
      polled: own('GET /v1/accounts?limit=50, polled', '/v1/accounts?limit=50'),
      unchanged: whenKnown(own('the same with If-None-Match (304)', '/v1/accounts?limit=50')),
      packed: own('the same with Accept-Encoding: br', '/v1/accounts?limit=50', {
        'accept-encoding': 'br',
      }),
      asked: own(
        'the same, no two requests alike',
        (number) => `/v1/accounts?limit=50&${sinceOf(number)}`,
      ),
      health: own('GET /v1/accounts/health?limit=50, polled', '/v1/accounts/health?limit=50'),
      one: own('GET /v1/accounts/{id}, polled', `/v1/accounts/${id}`),
      expressPrisma,
      expressStatic,
      static304: whenKnown({ ...expressStatic, name: 'express-static, 304' }),
      nodeStatic: await start('node-static', '/page.json'),
      pgRows: different(await start('pg-rows', '/page')),
      pgJson: different(await start('pg-json', '/page')),
    };
    const all = await inTurn(Object.values(subjects));
    for (const { name } of Object.values(subjects)) {
      const { rates, costs } = all.get(name) as Rounds;
      const note = `${Math.round(median(costs))} µs of processor time each; rounds differ by ${Math.round(spread(rates))} %`;
      report(name, median(rates), 'requests/s', note);
    }
    const ratio = (what: string, one: Subject, other: Subject) => {
      const of = ({ name }: Subject) => all.get(name) as Rounds;
      const byRound = of(one).rates.map((rate, round) => rate / (of(other).rates[round] ?? 0));
      const cost = median(of(other).costs) / median(of(one).costs);
      report(what, median(byRound), '×', `by processor time ${cost.toFixed(2)} ×`);
    };
    const { polled, unchanged, packed, asked, health, one, static304, nodeStatic } = subjects;
    const { pgRows, pgJson } = subjects;
    ratio('polled ÷ bare Express + Prisma', polled, expressPrisma);
    ratio('polled ÷ Express static of the same bytes', polled, expressStatic);
    ratio('polled ÷ node:http static of the same bytes', polled, nodeStatic);
    ratio('304 ÷ 304 of Express static', unchanged, static304);
    ratio('compressed ÷ Express static of the same bytes', packed, expressStatic);
    ratio('health polled ÷ bare Express + Prisma', health, expressPrisma);
    ratio('one account ÷ bare Express + Prisma', one, expressPrisma);
    ratio('no two alike ÷ bare Express + Prisma', asked, expressPrisma);
    ratio('no two alike ÷ node:http + pg, rows', asked, pgRows);
    ratio('no two alike ÷ node:http + pg, JSON made in SQL', asked, pgJson);
    report('a page of 50', Buffer.byteLength(text) / 1024, 'KB');
  } finally {
    for (const anchor of anchors) anchor.kill('SIGKILL');
    await gateway.stop();
  }
}

/** Connects the sandbox and waits for its accounts, where there are none. */
async function fill(gateway: GatewayProcess): Promise<void> {
  if ((await gateway.get('/v1/accounts?limit=50')).body.data.length === 50) return;
  const sandbox = await startSandbox({ port: 0, accounts: ACCOUNTS });
  const request = {
    provider: 'outfame',
    credentials: { api_key: sandbox.apiKey('outfame') },
    base_url: sandbox.baseUrl('outfame'),
    sweep_interval_seconds: 86_400,
  };
  const { id } = (await gateway.post('/v1/connections', request)).body.data;
  await waitFor(
    'the first sweep to finish',
    async () => (await gateway.get(`/v1/connections/${id}`)).body.data.swept_at,
    { ms: MAX_SWEEP_MS, everyMs: 200 },
  );
  await sandbox.close();
}

function startAnchor(parameters: readonly string[]): ChildProcess {
  const program = decodeURIComponent(new URL('./anchor-server.js', import.meta.url).pathname);
  const env = { ...process.env, NODE_ENV: 'production' };
  return spawn(process.execPath, [program, ...parameters], { stdio: 'inherit', env });
}

/** The same, asked by a caller that knows the answer. */
function whenKnown(subject: Subject): Subject {
  return {
    ...subject,
    headers: async () => {
      const headers = await subject.headers();
      const url = `http://127.0.0.1:${subject.port}${subject.pathOf(0)}`;
      const answer = await fetch(url, { headers });
      return { ...headers, 'if-none-match': answer.headers.get('etag') ?? '' };
    },
    status: 304,
  };
}

/** One round of each after the other, again and again; by name. The first one warms up. */
async function inTurn(subjects: readonly Subject[]): Promise<ReadonlyMap<string, Rounds>> {
  const all = new Map(subjects.map(({ name }) => [name, { rates: [], costs: [] } as Rounds]));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const subject of subjects) {
      const { perSecond, cost } = await ask(subject, round * 1e7);
      if (round === 0) continue;
      all.get(subject.name)?.rates.push(perSecond);
      all.get(subject.name)?.costs.push(cost);
    }
  }
  return all;
}

async function ask({ port, pid, pathOf, headers, status }: Subject, first: number) {
  const given = await headers();
  const connecting = Array.from({ length: CONNECTIONS }, () => rawClient(port, given));
  const clients = await Promise.all(connecting);
  const before = await cpuSecondsOf(pid, false);
  const started = performance.now();
  const end = started + ROUND_SECONDS * 1_000;
  let sent = 0;
  const others = new Map<number, number>();
  const loop = async ({ get }: (typeof clients)[number]) => {
    for (; performance.now() < end; sent++) {
      const answered = await get(pathOf(first + sent));
      if (answered !== status) others.set(answered, (others.get(answered) ?? 0) + 1);
    }
  };
  await Promise.all(clients.map(loop));
  // A 304 ends when something is written meanwhile.
  for (const [answered, times] of others)
    if (times > sent / 20) throw new Error(`port ${port} answered ${answered} ${times} times`);
  const seconds = (performance.now() - started) / 1_000;
  const cost = (1e6 * ((await cpuSecondsOf(pid, false)) - before)) / sent;
  for (const client of clients) client.close();
  return { perSecond: sent / seconds, cost };
}
