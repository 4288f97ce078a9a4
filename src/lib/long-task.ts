/** Milliseconds for which all tasks together keep the process from what else waits. */
const TURN_MS = 5;

/** When the turn began that the process is in. */
let since = 0;
/** Tasks that wait for a turn of theirs, the longest first. */
const waiting: (() => void)[] = [];

/**
 * Whether it is the others' turn: `if (isOthersTurn()) await takeTurns()`, between the parts of
 * something large, each of which takes a millisecond or so at most.
 */
export const isOthersTurn = () => performance.now() - since >= TURN_MS;

/** Lets the process do what waits, and the other tasks have a turn each. */
export function takeTurns(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    if (waiting.length === 1) setImmediate(nextTurn);
  });
}

/** One task for each round of the event loop: several would keep the process as much longer. */
function nextTurn(): void {
  since = performance.now();
  waiting.shift()?.();
  if (waiting.length > 0) setImmediate(nextTurn);
}

/** As `items.map(work)`, leaving room for the rest of the process. */
export async function mapInTurns<Item, Result>(
  items: Iterable<Item>,
  work: (item: Item) => Result,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const item of items) {
    results.push(work(item));
    if (isOthersTurn()) await takeTurns();
  }
  return results;
}
