import { parseObject } from './message.js';

/**
 * A place in a list: the value it is sorted by (0 where that is the age) and the position by age.
 */
export interface Place {
  readonly rank: number;
  readonly position: number;
}

/** An opaque cursor to the place, bound to the filters and sort of its list. */
export function encodeCursor(place: Place, boundTo: string): string {
  return Buffer.from(JSON.stringify({ ...place, boundTo })).toString('base64url');
}

/** The place, or undefined for a cursor that is garbled or belongs to other filters. */
export function decodeCursor(cursor: string, boundTo: string): Place | undefined {
  const content = parseObject(Buffer.from(cursor, 'base64url').toString());
  if (content?.boundTo !== boundTo) return undefined;
  const { rank, position } = content;
  return typeof rank === 'number' && typeof position === 'number' ? { rank, position } : undefined;
}
