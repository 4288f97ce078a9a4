import type { Sealer } from '../lib/seal.js';
import { Problem } from './problem.js';

/** Where a page ended: the last row's sort value (text, `null` for a null) and its id. */
export interface Position {
  readonly value: string | null;
  readonly id: string;
}

/** Makes and reads cursors: opaque to callers, signed, and bound to the question they answer. */
export interface Cursors {
  /** @param question the filters, the sort and the team, in a fixed order */
  encode(position: Position, question: readonly unknown[]): string;
  /** @throws Problem 422 `cursor_mismatch` for an altered cursor or one of another question */
  decode(cursor: string, question: readonly unknown[]): Position;
}

export function createCursors(sealer: Sealer): Cursors {
  const signed = (body: string, question: readonly unknown[]) => `cursor\n${body}\n${JSON.stringify(question)}`;
  return {
    encode(position, question) {
      const body = Buffer.from(JSON.stringify([position.value, position.id])).toString('base64url');
      return `${body}.${sealer.sign(signed(body, question))}`;
    },
    decode(cursor, question) {
      const [body = '', signature = ''] = cursor.split('.');
      if (!sealer.isSignedBy(signed(body, question), signature)) {
        throw new Problem(
          'cursor_mismatch',
          'The cursor was altered, or given with other filters or another sort than it was made for. Start again without it.',
          { errors: [{ field: 'cursor', message: 'does not belong to this request' }] },
        );
      }
      const [value, id] = JSON.parse(Buffer.from(body, 'base64url').toString()) as [string | null, string];
      return { value, id };
    },
  };
}
