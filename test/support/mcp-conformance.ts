import { once } from 'node:events';
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { mcpHandler, type ProtocolCall } from '../../src/mcp/endpoint.js';
import { hostGuard } from '../../src/mcp/index.js';
import { fixtureServer } from './mcp-fixtures.js';

const listening = async (server: Server): Promise<string> => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

/** The gateway's handler with the suite's own tools in place of the gateway's. @returns its URL */
export async function serveFixtures(): Promise<string> {
  const handle = mcpHandler<ProtocolCall>(
    () => fixtureServer(),
    () => undefined,
  );
  const app = express();
  app.use((_request, response, next) => {
    response.locals.requestId = 'req_fixture';
    next();
  });
  app.use('/mcp', hostGuard({ host: '127.0.0.1', publicUrl: undefined }), express.json());
  app.post('/mcp', async (request, response) => {
    const { status, body } = await handle({
      headers: request.headers,
      url: 'http://127.0.0.1/mcp',
      body: request.body,
      signal: new AbortController().signal,
    });
    response.status(status);
    if (body) response.type(body.contentType).send(body.text);
    else response.end();
  });
  app.all('/mcp', (_request, response) => void response.status(405).end());
  return listening(createServer(app));
}

/** A proxy that adds a key to each request, as the suite cannot. @returns its URL */
export function addKey(gateway: string, key: string): Promise<string> {
  const server = createServer((request, response) => {
    const headers = { ...request.headers, authorization: `Bearer ${key}` };
    const { method, url } = request;
    const sent = httpRequest(gateway + url, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    sent.once('error', () => response.destroy());
    request.pipe(sent);
  });
  return listening(server);
}
