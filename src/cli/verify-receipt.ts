import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { receiptSchema, wellKnownSchema } from '../disconnects/index.js';
import { isSignedWith, type PublicKey } from '../lib/signature.js';

/**
 * Checks a receipt, offline where the keys are a file: `npm run verify-receipt -- FILE KEYS`. FILE
 * is the answer of `GET /v1/disconnects/{id}/receipt`; KEYS is the gateway's
 * `/.well-known/rollcall.json`, as a file or an address. Exits with 0 for a receipt that is what
 * the gateway signed, 1 for one that is not, 2 where that cannot be told.
 */
const USAGE =
  'Usage: npm run verify-receipt -- FILE KEYS, where KEYS is /.well-known/rollcall.json of the gateway, as a file or an address';

/** The signed part is checked as it came: a member that is not known here counts too. */
const signed = z.object({
  receipt: z.record(z.string(), z.unknown()),
  signature: receiptSchema.shape.signature,
});

async function main([file, keys]: readonly string[]): Promise<number> {
  if (file === undefined || keys === undefined) return tell(2, USAGE);
  const answer = parse(
    z.union([z.object({ data: signed }).transform(({ data }) => data), signed]),
    await read(file),
  );
  const wellKnown = parse(wellKnownSchema, await read(keys));
  if (!answer) return tell(2, `${file} is not a receipt.`);
  if (!wellKnown) return tell(2, `${keys} contains no signing keys of a gateway.`);
  const key: PublicKey | undefined = wellKnown.keys.find(
    ({ kid }) => kid === answer.signature.key_id,
  );
  if (!key)
    return tell(
      1,
      `Not verified: the receipt was signed with the key ${answer.signature.key_id}, which is not among ${keys}.`,
    );
  if (!isSignedWith(answer.receipt, answer.signature.value, key))
    return tell(1, 'Not verified: the receipt was changed after it was signed.');
  return tell(
    0,
    `Verified: the receipt of ${String(answer.receipt.id)} (${String(answer.receipt.state)}) is unchanged since it was signed with the key ${key.kid}.`,
  );
}

async function read(place: string): Promise<unknown> {
  try {
    const text = /^https?:\/\//.test(place)
      ? await (await fetch(place)).text()
      : await readFile(place, 'utf8');
    return JSON.parse(text);
  } catch (error) {
    throw new Error(
      `${place} cannot be read: ${error instanceof Error ? error.message : 'unknown error'}.`,
    );
  }
}

function parse<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
): z.output<Schema> | undefined {
  return schema.safeParse(value).data;
}

function tell(code: number, line: string): number {
  (code === 0 ? process.stdout : process.stderr).write(`${line}\n`);
  return code;
}

process.exitCode = await main(process.argv.slice(2)).catch((error: Error) =>
  tell(2, error.message),
);
