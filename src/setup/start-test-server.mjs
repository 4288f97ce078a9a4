/** Before all test files: starts the PostgreSQL that they make their databases on. */
export default async function startServer() {
  // A test may run tests.
  if (process.env.TEST_SERVER !== undefined) return;
  const { startTestServer } = await import('../../dist/test/support/test-server.js');
  const { stop, ...server } = await startTestServer();
  // Jest hands the environment to its workers, and this process alone to the end of the run.
  process.env.TEST_SERVER = JSON.stringify(server);
  globalThis.stopTestServer = stop;
}
