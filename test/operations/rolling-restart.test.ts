import { setTimeout as sleep } from 'node:timers/promises';
import { clientOf } from '../support/client.js';
import { describeWith } from '../support/describe-with.js';
import {
  type GatewayProcess,
  type Installation,
  SECRET,
  startProcess,
} from '../support/gateway-process.js';
import { type HttpProxy, startHaproxy, startNginx } from '../support/http-proxies.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';
import { findFreePort, startTcpPostgres, type TcpPostgres } from '../support/tcp-postgres.js';
import { waitFor } from '../support/wait.js';

const CALLERS_PER_PROXY = 4;
/**
 * A checkout of the release before, prepared: its gateways are the ones that are replaced. Of this
 * release when left out.
 */
const FORMER_RELEASE = process.env.FORMER_RELEASE;
/** So long each caller pauses between two requests: it stays below its key's limit. */
const PAUSE_MS = 100;
const MIN_REQUESTS = 600;

describeWith(['nginx', 'haproxy'], 'a rolling restart under load', () => {
  let postgres: TcpPostgres;
  let ports: [number, number];
  let gateways: GatewayProcess[] = [];
  let proxies: HttpProxy[] = [];
  let made = 0;
  beforeAll(async () => {
    postgres = await startTcpPostgres();
    ports = [await findFreePort(), await findFreePort()];
    gateways = await Promise.all(
      ports.map((port) => start(port, FORMER_RELEASE ? { folder: FORMER_RELEASE } : undefined)),
    );
    proxies = await Promise.all([startNginx(ports), startHaproxy(ports)]);
  });
  afterAll(async () => {
    await Promise.all(gateways.map((gateway) => gateway.end('SIGINT')));
    await Promise.all(proxies.map((proxy) => proxy.stop()));
    await postgres?.stop();
  });

  /** With the time to drain that it has by itself; an empty variable counts as unset. */
  const start = (port: number, installation?: Installation) =>
    startProcess(
      {
        DATABASE_URL: postgres.url,
        ROLLCALL_SECRET: SECRET,
        SANDBOX: 'false',
        PORT: String(port),
        DRAIN_SECONDS: '',
      },
      installation,
    );

  /** A key of a team of its own, as keys and teams have limits. */
  async function newKey(name: string): Promise<string> {
    const root = gateways[0]?.root;
    const team = await root?.post('/v1/teams', { name });
    const acting = { 'Rollcall-Team': team?.body.data.id };
    const key = await root?.post('/v1/keys', { name, scopes: ['admin'] }, acting);
    return key?.body.data.key;
  }

  /** Reads and writes until told to stop. @returns what came of each request */
  async function call(url: string, key: string, done: AbortSignal): Promise<string[]> {
    const client = clientOf(url, key);
    const outcomes: string[] = [];
    while (!done.aborted) {
      const isWrite = outcomes.length % 3 === 0;
      const request = isWrite
        ? client.post('/v1/webhooks/whk_absent/test', {})
        : client.get('/v1/accounts');
      const expected = isWrite ? 404 : 200;
      outcomes.push(
        await request.then(
          ({ status, text }) => (status === expected ? 'as expected' : `${status} ${text}`),
          (error: Error) => String(error.cause ?? error),
        ),
      );
      made += 1;
      await sleep(PAUSE_MS);
    }
    return outcomes;
  }

  test('fails no request behind nginx or HAProxy, with the settings that all of them have by themselves', async () => {
    const done = new AbortController();
    made = 0;
    const calls = await Promise.all(
      proxies.flatMap(({ url }, proxy) =>
        Array.from({ length: CALLERS_PER_PROXY }, async (_, caller) => ({
          outcomes: call(url, await newKey(`caller ${proxy}-${caller}`), done.signal),
        })),
      ),
    );
    for (const [index, port] of ports.entries()) {
      const ending = await gateways[index]?.end('SIGTERM');
      expect(ending).toMatchObject({ code: 0, errors: '' });
      gateways[index] = await start(port);
    }
    await waitFor('both to be ready again', async () => {
      const answers = await Promise.all(gateways.map(({ root }) => root.get('/readyz')));
      return answers.every(({ status }) => status === 200);
    });
    await waitFor(`${MIN_REQUESTS} requests`, () => made, {
      until: (count) => count > MIN_REQUESTS,
    });
    done.abort();
    const outcomes = (await Promise.all(calls.map(async (one) => one.outcomes))).flat();
    expect(outcomes.filter((outcome) => outcome !== 'as expected')).toEqual([]);
  });
});
