/** Called with each place that is passed: `delete:before`, `delete:after`. Production has none. */
let onPlace: ((place: string) => void) | undefined;

/** For a test's own entry point: nothing that production runs calls it. */
export function armCrashPoints(hook: (place: string) => void): void {
  onPlace = hook;
}

/** Runs `work` between the crash points `<name>:before` and `<name>:after`. */
export async function betweenCrashPoints<Result>(
  name: string,
  work: () => Promise<Result>,
): Promise<Result> {
  if (onPlace === undefined) return work();
  onPlace(`${name}:before`);
  try {
    return await work();
  } finally {
    onPlace(`${name}:after`);
  }
}
