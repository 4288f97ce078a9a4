import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';

const USAGE = 'Usage: npm run mock:adapter PROVIDER -- [--port PORT] [--fault FAULT]';
const DEFAULT_PORT = '4100';

/** The parts of the fixtures of operations and of errors that a server needs. */
const exchangeSchema = z.object({
  request: z.object({
    method: z.string(),
    path: z.string(),
    query: z.record(z.string(), z.unknown()).default({}),
    body: z.unknown().optional(),
  }),
  status: z.int(),
  body: z.unknown().optional(),
});
const faultSchema = z.object({ status: z.int(), body: z.unknown().optional() });

const authSchema = z.object({
  credentials: z.record(z.string(), z.string()).default({ api_key: 'any' }),
  sent: z
    .object({
      headers: z.record(z.string(), z.string()).default({}),
      query: z.record(z.string(), z.string()).default({}),
    })
    .prefault({}),
});

type Exchange = z.output<typeof exchangeSchema> & { readonly operation: string };
type Reply = z.output<typeof faultSchema>;

/**
 * Serves an adapter's fixtures as if they were the provider: a request gets the answer of the
 * fixture that asks most alike, and one that does not prove who asks as `auth.json` has it gets a 401.
 * `npm run mock:adapter acme`; with `--fault NAME` every request gets the answer of
 * `fault.NAME.json`. Runs until a signal stops it.
 * @param say gets the lines for the terminal
 * @returns the exit code: 2 where there is nothing to serve
 */
export async function mockAdapter(
  parameters: readonly string[],
  say: (line: string) => void,
): Promise<0 | 2> {
  const given = readParameters(parameters);
  if (typeof given === 'string') {
    say(given);
    return 2;
  }
  const { provider, port, folder, fault } = given;
  const server = createServer(async (request, response) => {
    // Fixtures are read anew each time: they are written while the server runs.
    const text = await readBody(request);
    const { status, body } = fault ?? replyTo(folder, request, text);
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(status === 204 ? undefined : JSON.stringify(body));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  say(`adapters/${provider}/fixtures are served on ${address}. Read them in another terminal:`);
  say(`npm run try:adapter ${provider} -- --base-url ${address} ${credentialsIn(folder)}`);
  const stop = () => server.close().closeAllConnections();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  await once(server, 'close');
  return 0;
}

interface Mocking {
  readonly provider: string;
  readonly port: number;
  readonly folder: string;
  readonly fault: Reply | undefined;
}

/** What is to be served, or why nothing is. */
function readParameters(parameters: readonly string[]): Mocking | string {
  try {
    const { values, positionals } = parseArgs({
      args: [...parameters],
      options: { port: { type: 'string', default: DEFAULT_PORT }, fault: { type: 'string' } },
      allowPositionals: true,
    });
    const [provider, ...others] = positionals;
    const port = z.coerce.number().int().min(0).max(65_535).safeParse(values.port);
    if (provider === undefined || others.length > 0 || !port.success) return USAGE;
    const folder = join(process.cwd(), 'adapters', provider, 'fixtures');
    if (!existsSync(folder)) return `There is no folder ${folder}.`;
    const fault =
      values.fault === undefined ? undefined : join(folder, `fault.${values.fault}.json`);
    if (fault !== undefined && !existsSync(fault)) return `There is no file ${fault}.`;
    return {
      provider,
      port: port.data,
      folder,
      fault: fault === undefined ? undefined : faultSchema.parse(readJson(fault)),
    };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return `${error.message} ${USAGE}`;
  }
}

/** The credentials of `auth.json` as parameters of `try:adapter`. */
function credentialsIn(folder: string): string {
  return Object.entries(readAuth(folder).credentials)
    .map(([name, text]) => (name === 'api_key' ? `--key ${text}` : `--credential ${name}=${text}`))
    .join(' ');
}

function readAuth(folder: string): z.output<typeof authSchema> {
  const file = join(folder, 'auth.json');
  return authSchema.parse(existsSync(file) ? readJson(file) : {});
}

/** The usual case of an operation, `list.json`, comes before others that ask the same. */
function readExchanges(folder: string): readonly Exchange[] {
  const parts = (file: string) => file.split('.').length;
  return readdirSync(folder)
    .filter((file) => /^(?!account\.|auth\.|fault\.|report\.).+\.json$/.test(file))
    .sort((one, other) => parts(one) - parts(other))
    .map((file) => ({
      operation: file.split('.')[0] ?? '',
      ...exchangeSchema.parse(readJson(join(folder, file))),
    }));
}

/** The first fault with a 401. */
function unauthorized(folder: string): Reply {
  const faults = readdirSync(folder)
    .filter((file) => /^fault\..+\.json$/.test(file))
    .sort()
    .map((file) => faultSchema.parse(readJson(join(folder, file))));
  const refusal = faults.find(({ status }) => status === 401);
  return refusal ?? { status: 401, body: { error: 'The request is not authenticated.' } };
}

function readJson(file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'));
}

function replyTo(folder: string, request: IncomingMessage, body: string): Reply {
  const url = new URL(request.url ?? '/', 'http://mock');
  const [best] = readExchanges(folder)
    .filter(({ request: { method, path } }) => method === request.method && path === url.pathname)
    .map((exchange) => ({ exchange, difference: differenceOf(exchange, url.searchParams, body) }))
    .sort((one, other) => one.difference - other.difference);
  // New credentials are asked for with others than those of `auth.json`.
  const isProven = best?.exchange.operation === 'refresh' || provesWhoAsks(folder, request, url);
  if (!isProven) return unauthorized(folder);
  return best?.exchange ?? { status: 404, body: { error: 'No fixture has this request.' } };
}

/** Any credential will do, where `auth.json` has it and after the same word, such as `Bearer`. */
function provesWhoAsks(folder: string, { headers }: IncomingMessage, url: URL): boolean {
  const { sent } = readAuth(folder);
  const wordOf = (text: string) => (text.includes(' ') ? text.split(' ')[0] : '');
  return (
    Object.keys(sent.query).every((name) => url.searchParams.get(name)) &&
    Object.entries(sent.headers).every(([name, expected]) => {
      const given = headers[name.toLowerCase()];
      return typeof given === 'string' && given !== '' && wordOf(given) === wordOf(expected);
    })
  );
}

/** How many query parameters are other ones, or have another value; a body counts as one. */
function differenceOf({ request }: Exchange, asked: URLSearchParams, body: string): number {
  const expected = Object.entries(request.query).filter(([, value]) => value != null);
  const equal = expected.filter(([name, value]) => asked.get(name) === String(value)).length;
  const bodyDiffers = JSON.stringify(request.body) !== (body === '' ? undefined : body);
  return expected.length - equal + (asked.size - equal) + Number(bodyDiffers);
}

async function readBody(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  return text;
}
