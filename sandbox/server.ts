import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { answerControl } from './control.js';
import { exchange, type Outcome } from './exchange.js';
import type { Answer, Question } from './message.js';
import type { Providers } from './running-provider.js';

/** Serves the providers under their mount paths, and the control routes under `/control`. */
export function listen(providers: Providers, host: string, port: number): Promise<Server> {
  const server = createServer((request, response) => {
    serve(providers, request, response).catch(() => response.destroy());
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => resolve(server));
  });
}

async function serve(
  providers: Providers,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const target = request.url ?? '/';
  const provider = [...providers.values()].find(({ definition }) =>
    isUnder(definition.mountPath, target),
  );
  if (provider)
    return deliver(
      await exchange(provider, await read(request, provider.definition.mountPath)),
      response,
    );
  if (isUnder('/control', target))
    return send(answerControl(providers, await read(request, '/control')), response);
  send(
    { status: 404, body: { error: 'No such path. GET /control lists what is here.' } },
    response,
  );
}

function isUnder(mountPath: string, target: string): boolean {
  return target.startsWith(mountPath) && ['', '/', '?'].includes(target.charAt(mountPath.length));
}

/**
 * Takes the path apart by hand: `new URL` would resolve `%2E%2E`, which is an id like any other.
 */
async function read(request: IncomingMessage, mountPath: string): Promise<Question> {
  const target = (request.url ?? '').slice(mountPath.length);
  const [path = '', query = ''] = target.split('?');
  return {
    method: request.method ?? 'GET',
    target,
    segments: path.split('/').slice(1).map(decoded),
    query: new URLSearchParams(query),
    headers: request.headers,
    text: await text(request),
    origin: `http://${request.headers.host ?? 'localhost'}`,
  };
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function deliver(outcome: Outcome, response: ServerResponse): void {
  switch (outcome.kind) {
    case 'answered':
      send(outcome.answer, response);
      return;
    case 'cut':
      cut(outcome.answer, outcome.how, response);
      return;
    case 'disconnected':
      response.socket?.destroy();
      return;
    case 'silence':
      return;
  }
}

function send(answer: Answer, response: ServerResponse): void {
  const body = bytes(answer);
  response.writeHead(answer.status, headersOf(answer, body));
  response.end(body);
}

/** Half of the answer; one that has no body gets one that never comes. */
function cut(answer: Answer, how: 'reset' | 'truncated', response: ServerResponse): void {
  const body = bytes(answer) ?? Buffer.from('{"status":"never heard"}');
  const status = answer.status === 204 || answer.status === 304 ? 200 : answer.status;
  response.writeHead(status, headersOf(answer, body));
  response.write(body.subarray(0, Math.floor(body.length / 2)), () => {
    if (how === 'reset') response.socket?.resetAndDestroy();
    else response.socket?.end();
  });
}

function bytes({ body }: Answer): Buffer | undefined {
  if (body === undefined) return undefined;
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}

function headersOf(answer: Answer, body: Buffer | undefined): Record<string, string> {
  if (!body) return { ...answer.headers };
  return {
    'Content-Type': 'application/json',
    'Content-Length': String(body.length),
    ...answer.headers,
  };
}
