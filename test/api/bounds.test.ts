import { type Gateway, startGateway } from '../support/gateway.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';
import { openSocket, readAnswer } from '../support/raw-socket.js';
import { waitFor } from '../support/wait.js';

/** Short waits, and few sockets. */
const LIMITS = {
  headersMs: 300,
  requestMs: 600,
  silenceMs: 1_000,
  keepAliveMs: 300,
  connections: 20,
};

let gateway: Gateway;
beforeAll(async () => {
  gateway = await startGateway({ listener: LIMITS });
});
afterAll(() => gateway.stop());

const noConnections = () =>
  waitFor('every connection to be closed', () => gateway.connections(), {
    until: (count) => count === 0,
  });

/** What a caller is answered that sends this and waits for the end. */
async function answerTo(...pieces: readonly string[]): Promise<string> {
  const { socket, ended } = await openSocket(gateway.url);
  for (const piece of pieces) socket.write(piece);
  return ended;
}

const expectRefusal = (answer: string) =>
  expect(readAnswer(answer)).toMatchObject({ status: 400, body: { code: 'bad_request' } });

test('a connection that has asked nothing is closed without an answer, which the first request on it would take', async () => {
  expect(await answerTo()).toBe('');
});

describe('a caller is answered with a problem and let go', () => {
  test('for what is no HTTP', async () => {
    expectRefusal(await answerTo('nonsense\r\n\r\n'));
  });

  test.each([17_000, 100_000])('for an address of %d bytes', async (bytes) => {
    const reply = await gateway.root.get(`/v1/accounts?q=${'x'.repeat(bytes)}`);
    expect([reply.status, reply.body.code]).toEqual([400, 'bad_request']);
  });

  test('for headers of 20 KB', async () => {
    const reply = await gateway.root.get('/livez', { 'X-Long': 'x'.repeat(20_000) });
    expect([reply.status, reply.body.code]).toEqual([400, 'bad_request']);
  });

  test('that does not come to the end of its headers', async () => {
    expectRefusal(await answerTo('GET /livez HTTP/1.1\r\n', 'Host: rollcall\r\n'));
  });

  test('that does not come to the end of its body', async () => {
    const head = `POST /v1/teams HTTP/1.1\r\nHost: rollcall\r\nAuthorization: Bearer ${gateway.root.key}\r\n`;
    expectRefusal(
      await answerTo(
        head,
        'Content-Type: application/json\r\nContent-Length: 100\r\n\r\n',
        '{"name":',
      ),
    );
  });
});

describe('a caller is let go', () => {
  test('that does not read its answers', async () => {
    const { socket, ended } = await openSocket(gateway.url);
    socket.pause();
    const asked = 200;
    socket.write('GET /openapi.json HTTP/1.1\r\nHost: rollcall\r\n\r\n'.repeat(asked));
    await noConnections();
    socket.resume();
    const answered = (await ended).split('HTTP/1.1 200 OK').length - 1;
    expect(answered).toBeLessThan(asked);
  });

  test('that leaves its connection idle', async () => {
    expect(await answerTo('GET /livez HTTP/1.1\r\nHost: rollcall\r\n\r\n')).toMatch(
      /^HTTP\/1.1 200 OK/,
    );
  });

  test('that opens one connection too many, while others are served', async () => {
    // A machine that is busy may take so long over them that the first ones end as idle.
    const first = await waitFor('one connection too many to be refused', async () => {
      await noConnections();
      const sockets = await Promise.all(
        Array.from({ length: LIMITS.connections }, () => openSocket(gateway.url)),
      );
      const refused = await answerTo('GET /livez HTTP/1.1\r\nHost: rollcall\r\n\r\n');
      const [first] = sockets;
      first?.socket.write('GET /livez HTTP/1.1\r\nHost: rollcall\r\nConnection: close\r\n\r\n');
      const answer = await first?.ended;
      for (const { socket } of sockets) socket.destroy();
      return refused === '' && answer;
    });
    expect(first).toMatch(/^HTTP\/1.1 200 OK/);
  });
});
