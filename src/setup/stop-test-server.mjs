/** After all test files. */
export default async function stopServer() {
  await globalThis.stopTestServer?.();
}
