import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * Takes webhooks at as many ports as told, in a process of its own so that nobody who is measured
 * pays for it. Told `slow:<index>` on standard input, that receiver takes 10 s over each answer
 * from then on. Prints its ports, and then twenty times a second how many requests each has
 * answered.
 */
const SLOW_MS = 10_000;
const count = Number(process.argv[2]);
const answered = Array.from({ length: count }, () => 0);
const slow = new Set<number>();

const servers = answered.map((_, index) =>
  createServer((request, response) => {
    request.resume().once('end', () => {
      const answer = () => {
        answered[index] = (answered[index] ?? 0) + 1;
        response.writeHead(204).end();
      };
      if (slow.has(index)) setTimeout(answer, SLOW_MS);
      else answer();
    });
  }),
);
await Promise.all(
  servers.map((server) => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))),
);
process.stdout.write(
  `${JSON.stringify(servers.map((server) => (server.address() as AddressInfo).port))}\n`,
);
setInterval(() => process.stdout.write(`${JSON.stringify(answered)}\n`), 50);
process.stdin.on('data', (text) => slow.add(Number(/slow:(\d+)/.exec(String(text))?.[1])));
