import type { Clock } from '../lib/clock.js';
import type { Sealer } from '../lib/seal.js';
import { Problem } from './problem.js';

/** Where a page ended: the last row's sort value (text, `null` for a null) and its id. */
export interface Position {
  readonly value: string | null;
  readonly id: string;
  /** Of a feed: the history that it is a position of. */
  readonly history?: string;
}

/** Makes and reads cursors: opaque to callers, signed, and bound to the question they answer. */
export interface Cursors {
  /** @param question the filters, the sort and the team, in a fixed order */
  encode(position: Position, question: readonly unknown[]): string;
  /**
   * @param parameter that it was given as
   * @throws Problem 422 `cursor_mismatch` for an altered cursor, one of another question, or one
   * that is too old
   */
  decode(cursor: string, question: readonly unknown[], parameter?: string): Position;
}

type PositionParts = [value: string | null, id: string, history?: string];

const partsOf = ({ value, id, history }: Position): PositionParts =>
  history === undefined ? [value, id] : [value, id, history];

const HOUR_MS = 3_600_000;
const GOOD_FOR_HOURS = 24;

/** Cursors that are good for as long as what they point into, for feeds. */
export function createCursors(sealer: Sealer): Cursors {
  const signed = (body: string, question: readonly unknown[]) =>
    `cursor\n${body}\n${JSON.stringify(question)}`;
  return {
    encode(position, question) {
      const body = Buffer.from(JSON.stringify(partsOf(position))).toString('base64url');
      return `${body}.${sealer.sign(signed(body, question))}`;
    },
    decode(cursor, question, parameter = 'cursor') {
      const [body = '', signature = '', ...more] = cursor.split('.');
      if (more.length > 0 || !sealer.isSignedBy(signed(body, question), signature)) {
        throw new Problem(
          'cursor_mismatch',
          'The cursor was altered, or used with other filters or another sort order than it was issued for. Start again without it.',
          { errors: [{ field: parameter, message: 'does not belong to this request' }] },
        );
      }
      const [value, id, history] = JSON.parse(
        Buffer.from(body, 'base64url').toString(),
      ) as PositionParts;
      return history === undefined ? { value, id } : { value, id, history };
    },
  };
}

/**
 * Cursors of lists: good for a day, and for what is left of the hour after it. Only the hour they
 * were made in stands in them, so that the same page is the same text for an hour, and its ETag
 * with it.
 */
export function createListCursors(cursors: Cursors, clock: Clock): Cursors {
  return {
    encode(position, question) {
      const hour = String(hourOf(clock));
      return `${hour}.${cursors.encode(position, [hour, question])}`;
    },
    decode(cursor, question) {
      const [hour = ''] = cursor.split('.', 1);
      const position = cursors.decode(cursor.slice(hour.length + 1), [hour, question]);
      if (hourOf(clock) - Number(hour) <= GOOD_FOR_HOURS) return position;
      throw new Problem(
        'cursor_mismatch',
        `The cursor is more than ${GOOD_FOR_HOURS} hours old. Start again without it.`,
        {
          errors: [{ field: 'cursor', message: 'is too old' }],
        },
      );
    },
  };
}

/** Hours since 1970. */
export function hourOf(clock: Clock): number {
  return Math.floor(clock.now().getTime() / HOUR_MS);
}
