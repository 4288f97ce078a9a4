import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { receiptSchema, wellKnownSchema } from '../disconnects/index.js';
import { isSignedWith } from '../lib/signature.js';
import { parseStrictJson } from '../lib/strict-json.js';
import { receiptLines } from './receipt-lines.js';

const USAGE =
  'Usage: rollcall verify-receipt FILE KEYS, where KEYS is /.well-known/rollcall.json of the gateway, as a file or an address';

/** The signed part is checked as it came: a member that is not known here counts too. */
const signed = z.object({
  type: receiptSchema.shape.type.optional(),
  receipt: z.record(z.string(), z.unknown()),
  signature: receiptSchema.shape.signature,
});
const answer = z.object({ data: signed });
/** The same with nothing beside it that the signature does not cover. */
const signedAlone = signed.extend({ signature: signed.shape.signature.strict() }).strict();
/** Keys as any release tells them: former ones did not date theirs. */
const wellKnown = wellKnownSchema.extend({
  keys: z.array(
    wellKnownSchema.shape.keys.element.partial({ valid_from: true, valid_until: true }),
  ),
});
type Key = z.output<typeof wellKnown>['keys'][number];
const answerAlone = z.strictObject({ data: signedAlone });

/** What a check came to. */
export interface Verification {
  /** 0: the receipt is as the gateway signed it. 1: it is not. 2: it could not be checked. */
  readonly exitCode: 0 | 1 | 2;
  readonly lines: readonly string[];
}

/**
 * Checks a receipt, offline where the keys are a file: `npm run verify-receipt -- FILE KEYS`. FILE
 * is the answer of `GET /v1/disconnects/{id}/receipt`; KEYS is the gateway's
 * `/.well-known/rollcall.json`, as a file or an address.
 */
export async function verifyReceipt([file, keys]: readonly string[]): Promise<Verification> {
  if (file === undefined || keys === undefined) return unknown(USAGE);
  try {
    const [receiptText, keysText] = [await read(file), await read(keys)];
    const known = wellKnown.safeParse(parse(keysText)).data;
    if (!known) return unknown(`${keys} contains no signing keys of a gateway.`);
    const given = parse(receiptText);
    if (given instanceof SyntaxError)
      return refused(`${file} is not plain JSON: ${given.message}.`);
    return check(given, file, known.keys, keys);
  } catch (error) {
    if (error instanceof Unreadable) return unknown(error.message);
    throw error;
  }
}

/** @param file names the receipt, `place` the keys, in what is said */
function check(value: unknown, file: string, keys: readonly Key[], place: string): Verification {
  const given = answer.safeParse(value).data?.data ?? signed.safeParse(value).data;
  if (!given) return unknown(`${file} is not a receipt.`);
  if (!z.union([answerAlone, signedAlone]).safeParse(value).success)
    return refused(`${file} contains members that the signature does not cover.`);
  const { receipt, signature } = given;
  const key = keys.find(({ kid }) => kid === signature.key_id);
  if (!key)
    return refused(
      `the receipt was signed with the key ${signature.key_id}, which is not among ${place}.`,
    );
  if (!isSignedWith(receipt, signature.value, key))
    return refused('the receipt was changed after it was signed.');
  if (isTooLate(receipt.finished_at, key))
    return refused(
      `it is for a disconnect that finished after ${key.valid_until}, when the key ${key.kid} was replaced.`,
    );
  const verified = `Verified: the receipt of ${receipt.id} (${receipt.state}) is unchanged since it was signed with the key ${key.kid}.`;
  return { exitCode: 0, lines: [verified, ...receiptLines(receipt)] };
}

/** Whoever learns a former secret can sign with its key, but nothing that ended in its time. */
function isTooLate(finishedAt: unknown, { valid_until: until }: Key): boolean {
  return until != null && !(Date.parse(String(finishedAt)) <= Date.parse(until));
}

class Unreadable extends Error {}

async function read(place: string): Promise<string> {
  try {
    return /^https?:\/\//.test(place)
      ? await (await fetch(place)).text()
      : await readFile(place, 'utf8');
  } catch (error) {
    throw new Unreadable(
      `${place} cannot be read: ${error instanceof Error ? error.message : 'unknown error'}.`,
    );
  }
}

function parse(text: string): unknown {
  try {
    return parseStrictJson(text);
  } catch (error) {
    return error;
  }
}

const unknown = (line: string): Verification => ({ exitCode: 2, lines: [line] });
const refused = (reason: string): Verification => ({
  exitCode: 1,
  lines: [`Not verified: ${reason}`],
});
