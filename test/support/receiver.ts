import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { waitFor } from './wait.js';

/** A webhook's request as it came. */
export interface Received {
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** A server that takes webhooks on loopback and answers as told: 204 at first. */
export async function startReceiver() {
  const received: Received[] = [];
  let answer: (response: ServerResponse, request: Received) => void = (response) =>
    response.writeHead(204).end();
  const take = async (request: IncomingMessage, response: ServerResponse) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    const one = {
      path: request.url ?? '',
      headers: request.headers as Record<string, string>,
      body,
    };
    received.push(one);
    answer(response, one);
  };
  // A sender that is killed in the middle of a request sent none.
  const server = createServer(
    (request, response) => void take(request, response).catch(() => undefined),
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    answerWith: (how: typeof answer) => {
      answer = how;
    },
    /** Resolves once `isEnough` holds. @param what completes "Waited for …" */
    until: (what: string, isEnough: () => boolean) =>
      waitFor(what, () => received.map(({ path }) => path), { until: isEnough }),
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

export type Receiver = Awaited<ReturnType<typeof startReceiver>>;
