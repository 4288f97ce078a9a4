/** In each process that runs tests: ends one that hangs, with its name, before it holds up the rest. */

/** Many times longer than what tests wait for. */
const LIMIT_MINUTES = 20;

let test;
let begun = Date.now();
setInterval(() => {
  const { currentTestName } = globalThis.expect?.getState() ?? {};
  if (currentTestName !== test) [test, begun] = [currentTestName, Date.now()];
  if (Date.now() - begun < LIMIT_MINUTES * 60_000) return;
  console.error(`This test takes longer than ${LIMIT_MINUTES} minutes: ${test}`);
  process.exit(1);
}, 10_000).unref();
