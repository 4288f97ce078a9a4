/** One figure of a run. */
export interface Figure {
  readonly what: string;
  readonly value: number;
  readonly unit: string;
}

/** All that were reported, in their order. */
export const figures: Figure[] = [];

/** The middle value; of an even number the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length / 2;
  const [low = 0, high = low] = sorted.slice(Math.ceil(middle) - 1, Math.floor(middle) + 1);
  return (low + high) / 2;
}

/** How far rounds lie from each other: from the least to the most, in percent of the median. */
export function spread(values: readonly number[]): number {
  return (100 * (Math.max(...values) - Math.min(...values))) / median(values);
}

/** Prints one figure on one line. */
export function report(what: string, value: number, unit: string, note = ''): void {
  figures.push({ what, value, unit });
  print(what, value, unit, note);
}

function print(what: string, value: number, unit: string, note: string): void {
  const shown = value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(2);
  process.stdout.write(`${what.padEnd(56)} ${shown.padStart(10)} ${unit.padEnd(10)} ${note}\n`);
}

/** Prints each figure that a saved run has too, as a multiple of what it was then. */
export function compare(saved: readonly Figure[]): void {
  for (const { what, value } of figures) {
    const then = saved.find((figure) => figure.what === what);
    if (then === undefined) continue;
    print(what, value / then.value, '×', `it was ${then.value.toPrecision(3)} ${then.unit}`);
  }
}
