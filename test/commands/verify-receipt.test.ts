import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { verifyReceipt } from '../../src/cli/verify-receipt.js';
import { createSigner } from '../../src/lib/signature.js';
import { checkout } from '../support/checkout.js';
import { makeFolder, removeFolder } from '../support/folder.js';
import { afterAll, beforeAll, describe, expect, test } from '../support/jest.js';

const signer = createSigner(Buffer.alloc(32, 3).toString('base64'));
const receipt = {
  id: 'disc_1',
  state: 'succeeded',
  steps: [
    {
      ref: 'outfame:acc_1',
      state: 'succeeded',
      outcome: 'disconnected',
      verified: 'absent',
      note: 'é ☕',
      identity: {
        platform: 'instagram',
        platform_user_id: null,
        username: 'har\u001b[2Jbor',
        connected_at: '2026-03-01T10:00:00.000Z',
      },
      not_compared: ['platform_user_id'],
      evidence: [
        {
          call: 'delete',
          status: 200,
          shape: 'done',
          outcome: 'done',
          at: '2026-03-02T10:00:00.000Z',
          request_id: 'req_1',
        },
        {
          call: 'verify',
          status: null,
          shape: null,
          outcome: 'timeout',
          at: '2026-03-02T10:00:01.000Z',
          request_id: null,
        },
      ],
    },
  ],
};
let folder: string;

beforeAll(async () => {
  folder = await makeFolder();
  await write('keys.json', { service: 'rollcall', keys: [signer.publicKey] });
});
afterAll(() => removeFolder(folder));

const write = (name: string, value: unknown) =>
  writeFile(join(folder, name), JSON.stringify(value));

async function verify(file: string, keys = 'keys.json') {
  const { exitCode, lines } = await verifyReceipt([join(folder, file), join(folder, keys)]);
  return { exitCode, said: lines.join('\n') };
}

describe('npm run verify-receipt', () => {
  test('knows a receipt as the gateway signed it, in whatever order its members come', async () => {
    const { steps, ...rest } = receipt;
    await write('good.json', {
      data: {
        type: 'disconnect_receipt',
        signature: signer.sign(receipt),
        receipt: { steps, ...rest },
      },
    });
    expect(await verify('good.json')).toMatchObject({
      exitCode: 0,
      said: expect.stringContaining('Verified: the receipt of disc_1'),
    });
  });

  test('refuses one that was changed, or signed by another', async () => {
    await write('changed.json', {
      data: { receipt: { ...receipt, state: 'failed' }, signature: signer.sign(receipt) },
    });
    expect(await verify('changed.json')).toMatchObject({
      exitCode: 1,
      said: expect.stringContaining('Not verified'),
    });
    const other = createSigner(Buffer.alloc(32, 4).toString('base64'));
    await write('other.json', { data: { receipt, signature: other.sign(receipt) } });
    expect(await verify('other.json')).toMatchObject({
      exitCode: 1,
      said: expect.stringContaining('Not verified'),
    });
  });

  test('says what it cannot read', async () => {
    expect(await verify('absent.json')).toMatchObject({
      exitCode: 2,
      said: expect.stringContaining('absent.json cannot be read'),
    });
    expect(await verify('keys.json')).toMatchObject({
      exitCode: 2,
      said: expect.stringContaining('is not a receipt'),
    });
  });

  test.each<[what: string, spoil: (text: string) => string, saying: string]>([
    [
      'a member twice',
      (text) => text.replace('"state":', '"state":"failed","state":'),
      'more than once',
    ],
    [
      'a member twice, one of them escaped',
      (text) => text.replace('"steps":', '"st\\u0065ps":[],"steps":'),
      'more than once',
    ],
    ['two envelopes', (text) => text.replace('{"data":', '{"data":{},"data":'), 'more than once'],
    ['__proto__', (text) => text.replace('"id":', '"__proto__":{"state":"failed"},"id":'), '__pro'],
    [
      'a sibling of the receipt',
      (text) => text.replace('"receipt":', '"verified":true,$&'),
      'cover',
    ],
    ['a sibling of the data', (text) => text.replace('"data":', '"summary":{},$&'), 'cover'],
    ['a sibling of the signature', (text) => text.replace('"key_id":', '"by":"x",$&'), 'cover'],
    ['another type', (text) => text.replace('disconnect_receipt', 'receipt'), 'is not a receipt'],
    ['text after it', (text) => `${text} {}`, 'not plain JSON'],
    ['a NUL after it', (text) => `${text}\0`, 'not plain JSON'],
    ['text after the signature', (text) => text.replace(/"value":"[^"]*/, '$&!!'), 'was changed'],
    ['padding on the signature', (text) => text.replace(/"value":"[^"]*/, '$&=='), 'was changed'],
    [
      'a number with more digits',
      (text) => text.replace('200', '200.00000000000000000001'),
      'number',
    ],
  ])('refuses %s', async (_what, spoil, saying) => {
    const answer = { type: 'disconnect_receipt', receipt, signature: signer.sign(receipt) };
    const text = JSON.stringify({ data: answer });
    await writeFile(join(folder, 'whole.json'), text);
    expect(await verify('whole.json')).toMatchObject({ exitCode: 0 });
    expect(spoil(text)).not.toBe(text);
    await writeFile(join(folder, 'spoilt.json'), spoil(text));
    const { exitCode, said } = await verify('spoilt.json');
    expect(exitCode).toBeGreaterThan(0);
    expect(said).toContain(saying);
  });

  test('reads any other layout of the same JSON', async () => {
    const answer = { receipt, signature: signer.sign(receipt) };
    await writeFile(join(folder, 'spaced.json'), JSON.stringify(answer, null, '\t\n'));
    expect(await verify('spaced.json')).toMatchObject({ exitCode: 0 });
  });

  test('shows who was meant and what the provider answered, and nothing that steers a terminal', async () => {
    await write('shown.json', { receipt, signature: signer.sign(receipt) });
    expect((await verify('shown.json')).said.split('\n').slice(1)).toEqual([
      'outfame:acc_1: succeeded, disconnected, verified absent',
      '  identity: platform instagram, platform_user_id unknown, username har?[2Jbor, connected_at 2026-03-01T10:00:00.000Z',
      '  not compared: platform_user_id',
      '  2026-03-02T10:00:00.000Z  delete: 200 done -> done (request req_1)',
      '  2026-03-02T10:00:01.000Z  verify: no answer -> timeout',
    ]);
  });

  test('shows what a receipt of a former release holds', async () => {
    const [step] = receipt.steps;
    const { evidence, identity: _identity, not_compared: _none, ...former } = { ...step };
    const old = { ...receipt, steps: [{ ...former, answers: evidence }] };
    await write('old.json', { receipt: old, signature: signer.sign(old) });
    const { exitCode, said } = await verify('old.json');
    expect(exitCode).toBe(0);
    expect(said).toContain('delete: 200 done -> done (request req_1)');
  });

  test('is a command of npm', async () => {
    await write('command.json', { receipt, signature: signer.sign(receipt) });
    const run = (...parameters: string[]) =>
      spawnSync('npm', ['run', '--silent', 'verify-receipt', '--', ...parameters], {
        cwd: checkout,
        encoding: 'utf8',
      });
    const good = run(join(folder, 'command.json'), join(folder, 'keys.json'));
    expect(good).toMatchObject({ status: 0, stdout: expect.stringContaining('Verified') });
    expect(run()).toMatchObject({ status: 2, stderr: expect.stringContaining('Usage') });
  });
});
