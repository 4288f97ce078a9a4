import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { promisify } from 'node:util';
import { type Sandbox, startSandbox } from '../../sandbox/index.js';
import { mergeExpositions } from '../../src/http/merged-metrics.js';
import { makeFolder, removeFolder } from '../support/folder.js';
import { type GatewayProcess, run, startProcess } from '../support/gateway-process.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { isRunning } from '../support/processes.js';
import { waitFor } from '../support/wait.js';

const ACCOUNT = '/v1/accounts/outfame:acc_7Gx2kLm9Qr';
/** Each over a connection of its own. */
const REQUESTS = 20;
const EVERY_MS = 200;

/** The processes that one has started, by their command lines. */
async function childrenOf(pid: number): Promise<ReadonlyMap<number, string>> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid=,args=']);
  const rows = stdout.split('\n').map((row) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(row) ?? []);
  return new Map(
    rows.flatMap(([, own, parent, line = '']) =>
      Number(parent) === pid ? [[Number(own), line] as const] : [],
    ),
  );
}

async function membersOf(pid: number): Promise<readonly number[]> {
  const children = await childrenOf(pid);
  return [...children].filter(([, line]) => /main\.js [12]/.test(line)).map(([own]) => own);
}

describe('two processes behind one port', () => {
  let folder: string;
  let sandbox: Sandbox;
  let gateway: GatewayProcess;
  beforeAll(async () => {
    folder = await makeFolder();
    sandbox = await startSandbox({ port: 0 });
    gateway = await start();
    await bothServe();
  });
  afterAll(async () => {
    if (isRunning(gateway.pid)) await gateway.end('SIGTERM');
    await sandbox?.close();
    await removeFolder(folder);
  });

  const start = () =>
    startProcess({
      WEB_CONCURRENCY: '2',
      DATA_DIR: folder,
      OUTFAME_API_KEY: sandbox.apiKey('outfame'),
      OUTFAME_BASE_URL: sandbox.baseUrl('outfame'),
    });
  const statusOf = async (path: string) => {
    const [response] = await once(get(gateway.url + path, { agent: false }), 'response');
    response.resume();
    return response.statusCode;
  };
  const metrics = async () => (await fetch(`${gateway.url}/metrics`)).text();
  /** The samples of a metric, by the number of the process. */
  const byProcess = async (name: string) => {
    const text = await metrics();
    const samples = text.matchAll(new RegExp(`^${name}\\{process="(\\d)".*\\} (\\S+)$`, 'gm'));
    return new Map([...samples].map(([, number, value]) => [number, Number(value)] as const));
  };
  const bothServe = () =>
    waitFor('both processes to serve', () => byProcess('process_start_time_seconds'), {
      until: ({ size }) => size === 2,
      everyMs: EVERY_MS,
    });

  test('share the requests, and any of them shows the metrics of both', async () => {
    const asked = async () => {
      for (let n = 0; n < REQUESTS; n += 1) expect(await statusOf('/livez')).toBe(200);
    };
    await asked();
    const text = await metrics();
    const counts = [...text.matchAll(/_count\{process="(\d)",.*route="\/livez".*\} (\d+)/g)];
    expect(counts.map(([, number]) => number).sort()).toEqual(['1', '2']);
    expect(counts.reduce((sum, [, , count]) => sum + Number(count), 0)).toBe(REQUESTS);
    const names = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  test('one is killed: the other goes on, it is replaced, and nothing is done twice', async () => {
    await waitFor('the account to be imported', () => statusOfAccount(), {
      until: (status) => status === 200,
      everyMs: EVERY_MS,
    });
    const before = await membersOf(gateway.pid);
    expect(before).toHaveLength(2);
    const accepted = await gateway.root.delete(ACCOUNT, { Prefer: 'respond-async' });
    expect(accepted.status).toBe(202);
    const [killed = 0] = before.slice(-1);
    process.kill(killed, 'SIGKILL');
    await waitFor(
      'the supervisor to notice',
      async () => !(await childrenOf(gateway.pid)).has(killed),
    );
    for (let n = 0; n < REQUESTS; n += 1) expect(await statusOf('/livez')).toBe(200);
    await bothServe();
    const after = await membersOf(gateway.pid);
    expect(after).toHaveLength(2);
    expect(after).not.toContain(killed);
    const { id } = accepted.body.data;
    await waitFor(
      'the disconnect to succeed',
      async () => (await gateway.root.get(`/v1/disconnects/${id}`)).body.data.state,
      { until: (state) => state === 'succeeded', everyMs: EVERY_MS },
    );
    const calls = sandbox.provider('outfame').counts().by_operation;
    const deletes = Object.entries(calls).filter(([name]) => /delete/i.test(name));
    expect(deletes.map(([, count]) => count)).toEqual([1]);
  });
  const statusOfAccount = async () => (await gateway.root.get(ACCOUNT)).status;

  test('SIGTERM ends both, and the database after them', async () => {
    const children = [...(await childrenOf(gateway.pid)).keys()];
    // The two, and the server.
    expect(children).toHaveLength(3);
    expect(await gateway.end('SIGTERM')).toMatchObject({ code: 0, signal: null });
    // The server has ended by then, and is there until the system has taken note of it.
    await waitFor('its children to be gone', () => children.filter(isRunning), {
      until: (running) => running.length === 0,
    });
  });

  test('without their supervisor they end too, and the last one ends the database', async () => {
    gateway = await start();
    await bothServe();
    const children = [...(await childrenOf(gateway.pid)).keys()];
    expect(children).toHaveLength(3);
    await gateway.end('SIGKILL');
    await waitFor('all that it started to end', () => children.every((pid) => !isRunning(pid)));
  });

  test('a start that fails says why, and no more', async () => {
    gateway = await start();
    const { port } = new URL(gateway.url);
    const other = run({ WEB_CONCURRENCY: '2', DATA_DIR: folder, PORT: port });
    const { code, errors } = await other.ended();
    expect(code).toBe(1);
    expect(errors).toBe(
      `PORT: ${port} is in use on 127.0.0.1. Stop the process that uses it, or set another port.\n` +
        'WEB_CONCURRENCY: process 1 of 2 ended (exit code 1) before it was ready; see its output above.\n',
    );
    expect(await statusOf('/livez')).toBe(200);
  });
});

test('expositions of several processes become one, each metric in it once', () => {
  const of = (number: number) =>
    `# HELP a First.\n# TYPE a gauge\na{process="${number}"} ${number}\n\n# HELP b Second.\n# TYPE b counter\nb{process="${number}"} 7\n`;
  expect(mergeExpositions([of(1), of(2), ''])).toBe(
    '# HELP a First.\n# TYPE a gauge\na{process="1"} 1\na{process="2"} 2\n' +
      '\n# HELP b Second.\n# TYPE b counter\nb{process="1"} 7\nb{process="2"} 7\n',
  );
});
