import { PassThrough } from 'node:stream';
import { Context, type Streams } from '../../src/cli/context.js';
import { readSecret } from '../../src/cli/prompts.js';
import { expect, test } from '../support/jest.js';

test('the terminal shows nothing of a secret from before it is asked for until it is given', async () => {
  let isRaw = false;
  const asked: { text: string; isRaw: boolean }[] = [];
  const input = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode: (on: boolean) => {
      isRaw = on;
      return input;
    },
  });
  const errors = {
    isTTY: true,
    write: (text: string) => {
      asked.push({ text, isRaw });
      // Whoever pastes it does so as soon as it is asked for.
      if (text !== '\n') input.write('secret\r');
    },
  };
  const streams = { input, errors, output: errors } as unknown as Streams;
  expect(await readSecret(new Context(streams, {}), 'Key')).toBe('secret');
  expect(asked).toEqual([
    { text: 'Key: ', isRaw: true },
    { text: '\n', isRaw: false },
  ]);
});
