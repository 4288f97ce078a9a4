import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, expect, test } from '../support/jest.js';
import { openSocket, readAnswer } from '../support/raw-socket.js';

/** What clients of HTTP do not let callers send. */

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => gateway.stop());

test('what else than 100-continue a caller expects is left unmet', async () => {
  const { socket, ended } = await openSocket(gateway.url);
  socket.write('GET /livez HTTP/1.1\r\nHost: x\r\nExpect: a-miracle\r\nConnection: close\r\n\r\n');
  expect(readAnswer(await ended)).toMatchObject({ status: 200, body: { status: 'pass' } });
});

test('HTTP/1.1 without a Host is refused with a problem, also where HTTP/1.0 asked the same', async () => {
  const accounts = `/v1/accounts HTTP/%\r\nAuthorization: Bearer ${gateway.root.key}`;
  const asked = async (line: string, version: string) => {
    const { socket, ended } = await openSocket(gateway.url);
    socket.write(`GET ${line.replace('%', version)}\r\nConnection: close\r\n\r\n`);
    return await ended;
  };
  for (const line of ['/livez HTTP/%', accounts, '/ HTTP/%', '/none HTTP/%']) {
    // Twice: what is asked again goes another way.
    const old = [await asked(line, '1.0'), await asked(line, '1.0')];
    expect(old.map((answer) => answer.includes(' 400 '))).toEqual([false, false]);
    const refused = await asked(line, '1.1');
    expect(refused).toMatch(/\r\nX-Request-ID: req_/i);
    expect(readAnswer(refused)).toMatchObject({
      status: 400,
      body: { code: 'bad_request', detail: 'The Host header is missing.' },
    });
  }
});
