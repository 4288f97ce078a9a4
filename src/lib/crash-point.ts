/**
 * Where a test kills this process, as `kill -9` would: `delete:before`, or `delete:after#3` for the
 * third time the place is passed. A test's own variable, so it is no part of the configuration.
 */
const [armed, countdown = '1'] = (process.env.ROLLCALL_CRASH_AT ?? '').split('#');
let left = Number(countdown);

/** Runs `work` between the crash points `<name>:before` and `<name>:after`. */
export async function betweenCrashPoints<Result>(
  name: string,
  work: () => Promise<Result>,
): Promise<Result> {
  if (armed === '') return work();
  crashAt(`${name}:before`);
  try {
    return await work();
  } finally {
    crashAt(`${name}:after`);
  }
}

function crashAt(place: string): void {
  if (place !== armed) return;
  left -= 1;
  if (left === 0) process.kill(process.pid, 'SIGKILL');
}
