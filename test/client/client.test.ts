import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import ts from 'typescript';
import { createRollcall, type Rollcall, RollcallError } from '../../src/client/index.js';
import { checkout } from '../support/checkout.js';
import { type Gateway, startGateway } from '../support/gateway.js';

let gateway: Gateway;
let rollcall: Rollcall;
const key = () => gateway.root.key ?? '';
beforeAll(async () => {
  gateway = await startGateway();
  await gateway.connect('outfame');
  rollcall = createRollcall({ baseUrl: gateway.url, key: key() });
});
afterAll(() => gateway.stop());

/** A fetch that answers as listed first, then for real; it notes what it was asked. */
function afterAnswers(...answers: (Response | Error)[]) {
  const asked: Request[] = [];
  const fetch = (request: Request) => {
    asked.push(request);
    const answer = answers.shift();
    if (answer instanceof Error) return Promise.reject(answer);
    return answer ? Promise.resolve(answer) : globalThis.fetch(request);
  };
  return { fetch, asked };
}

const waits = () => {
  const waited: number[] = [];
  return { waited, sleep: async (ms: number) => waited.push(ms) };
};

describe('rollcall/client', () => {
  test('reads a list over its pages, each item once', async () => {
    const { data } = await rollcall.GET('/v1/accounts', { params: { query: { limit: 200, order_by: 'username' } } });
    const ids: string[] = [];
    for await (const account of rollcall.pages('/v1/accounts', { query: { limit: 2, order_by: 'username' } })) ids.push(account.id);
    expect(ids.length).toBeGreaterThan(4);
    expect(ids).toEqual(data?.data.map(({ id }) => id));
  });

  test('throws a problem as an error that has its code', async () => {
    const error = await rollcall.GET('/v1/accounts/{id}', { params: { path: { id: 'nothing' } } }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RollcallError);
    expect((error as RollcallError).problem).toMatchObject({ code: 'not_found', status: 404 });
  });

  test('waits as Retry-After says, and gives up after its retries', async () => {
    const { waited, sleep } = waits();
    const busy = () => new Response('{}', { status: 429, headers: { 'Retry-After': '7' } });
    const { fetch, asked } = afterAnswers(busy(), busy());
    const patient = createRollcall({ baseUrl: gateway.url, key: key(), fetch, sleep });
    expect((await patient.GET('/v1/whoami')).data?.data.type).toBe('whoami');
    expect([waited, asked.length]).toEqual([[7000, 7000], 3]);
    const never = afterAnswers(busy(), busy(), busy());
    await expect(
      createRollcall({ baseUrl: gateway.url, key: key(), fetch: never.fetch, sleep, retries: 2 }).GET('/v1/whoami'),
    ).rejects.toThrow('429');
    expect(never.asked).toHaveLength(3);
  });

  test('sends a POST again under the same Idempotency-Key: it takes effect once', async () => {
    const { sleep } = waits();
    let isLost = false;
    const lossy = async (request: Request) => {
      const response = await globalThis.fetch(request);
      if (isLost) return response;
      isLost = true;
      throw new TypeError('the answer was lost');
    };
    const client = createRollcall({ baseUrl: gateway.url, key: key(), fetch: lossy, sleep });
    const { response } = await client.POST('/v1/keys', { body: { name: 'made once', scopes: ['read'] } });
    expect(response.headers.get('idempotency-replayed')).toBe('true');
    expect(await gateway.database.prisma.apiKey.count({ where: { name: 'made once' } })).toBe(1);
  });

  test('sends a PATCH that may have arrived once only', async () => {
    const { fetch, asked } = afterAnswers(new TypeError('broken'));
    const client = createRollcall({ baseUrl: gateway.url, key: key(), fetch });
    await expect(client.PATCH('/v1/accounts/{id}', { params: { path: { id: 'x' } }, body: { labels: {} } })).rejects.toThrow('broken');
    expect(asked).toHaveLength(1);
  });
});

describe('the compiler', () => {
  const GOOD = `
    const { data } = await rollcall.GET('/v1/accounts', { params: { query: { status: ['active'], limit: 5 } } });
    const name: string | null | undefined = data?.data[0]?.username;
    for await (const account of rollcall.pages('/v1/accounts')) console.log(account.health.status, name);
    await rollcall.POST('/v1/teams', { body: { name: 'acme' } });`;
  const BAD: readonly (readonly [what: string, lines: string, complaint: RegExp])[] = [
    ['a field that is not there', `const { data } = await rollcall.GET('/v1/accounts'); data?.data[0]?.user_name;`, /user_name/],
    ['an item that has no such field', `for await (const account of rollcall.pages('/v1/accounts')) account.healthy;`, /healthy/],
    ['an unknown filter', `await rollcall.GET('/v1/accounts', { params: { query: { state: 'active' } } });`, /state/],
    ['a wrong value', `await rollcall.GET('/v1/accounts', { params: { query: { status: ['on'] } } });`, /"on"/],
    ['an unknown body field', `await rollcall.POST('/v1/teams', { body: { title: 'acme' } });`, /title/],
    ['an address that is not there', `await rollcall.GET('/v1/account', {});`, /v1\/account/],
    ['pages of what is no list', `rollcall.pages('/v1/whoami');`, /whoami/],
  ];

  /** The compiler's messages about each piece of a caller's code, which imports the package by its name. */
  function complaintsAbout(pieces: readonly string[]): string[] {
    const head = `import { createRollcall } from 'rollcall/client';\nconst rollcall = createRollcall({ baseUrl: '', key: '' });\n`;
    const texts = new Map(pieces.map((lines, index) => [join(checkout, 'test', 'client', `sample${index}.ts`), head + lines]));
    const { config } = ts.readConfigFile(join(checkout, 'tsconfig.json'), ts.sys.readFile);
    const settings = { ...config.compilerOptions, noEmit: true, incremental: false, tsBuildInfoFile: undefined };
    const { options } = ts.convertCompilerOptionsFromJson(settings, checkout);
    const host = ts.createCompilerHost(options);
    const { readFile, fileExists } = host;
    host.readFile = (name) => texts.get(name) ?? readFile(name);
    host.fileExists = (name) => texts.has(name) || fileExists(name);
    const program = ts.createProgram([...texts.keys()], options, host);
    return [...texts.keys()].map((name) =>
      ts
        .getPreEmitDiagnostics(program, program.getSourceFile(name))
        .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))
        .join('\n'),
    );
  }

  let complaints: string[];
  beforeAll(() => {
    complaints = complaintsAbout([GOOD, ...BAD.map(([, lines]) => lines)]);
  }, 60_000);

  test('takes what the document describes', () => {
    expect(complaints[0]).toBe('');
  });

  test.each(BAD.map(([what, , complaint], index) => ({ what, complaint, index })))('refuses $what', ({ complaint, index }) => {
    expect(complaints[index + 1]).toMatch(complaint);
  });
});
