import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createSigner } from '../../src/lib/signature.js';
import { checkout } from '../support/checkout.js';
import { makeFolder, removeFolder } from '../support/folder.js';

const signer = createSigner(Buffer.alloc(32, 3).toString('base64'));
const receipt = {
  id: 'disc_1',
  state: 'succeeded',
  steps: [{ ref: 'outfame:acc_1', verified: 'absent', note: 'é ☕' }],
};
let folder: string;

beforeAll(async () => {
  folder = await makeFolder();
  await write('keys.json', { service: 'rollcall', keys: [signer.publicKey] });
});
afterAll(() => removeFolder(folder));

const write = (name: string, value: unknown) =>
  writeFile(join(folder, name), JSON.stringify(value));

function verify(file: string, keys = 'keys.json') {
  const program = join(checkout, 'dist', 'src', 'cli', 'verify-receipt.js');
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [program, join(folder, file), join(folder, keys)],
    { encoding: 'utf8' },
  );
  return { status, said: stdout + stderr };
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
    expect(verify('good.json')).toMatchObject({
      status: 0,
      said: expect.stringContaining('Verified: the receipt of disc_1'),
    });
  });

  test('refuses one that was changed, or signed by another', async () => {
    await write('changed.json', {
      data: { receipt: { ...receipt, state: 'failed' }, signature: signer.sign(receipt) },
    });
    expect(verify('changed.json')).toMatchObject({
      status: 1,
      said: expect.stringContaining('Not verified'),
    });
    const other = createSigner(Buffer.alloc(32, 4).toString('base64'));
    await write('other.json', { data: { receipt, signature: other.sign(receipt) } });
    expect(verify('other.json')).toMatchObject({
      status: 1,
      said: expect.stringContaining('Not verified'),
    });
  });

  test('says what it cannot read', () => {
    expect(verify('absent.json')).toMatchObject({
      status: 2,
      said: expect.stringContaining('absent.json cannot be read'),
    });
    expect(verify('keys.json')).toMatchObject({
      status: 2,
      said: expect.stringContaining('is not a receipt'),
    });
  });
});
