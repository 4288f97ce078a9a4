/**
 * Runs the official conformance suite of the Model Context Protocol: against the gateway itself, and in
 * full against its handler with the suite's own tools. The suite needs a newer Node.js than the gateway
 * may have, which npm fetches as a package.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOT_KEY, startProcess } from '../../dist/test/support/gateway-process.js';
import { addKey, serveFixtures } from '../../dist/test/support/mcp-conformance.js';

const SUITE = '@modelcontextprotocol/conformance@0.2.0-alpha.12';
const NODE = `node-${process.platform}-${process.arch}@22`;
/** The scenarios that need no tools of the suite's. */
const OF_PRODUCT = {
  '2025-11-25': [
    'server-initialize',
    'ping',
    'tools-list',
    'resources-list',
    'dns-rebinding-protection',
  ],
  '2026-07-28': [
    ...['server-stateless', 'tools-list', 'resources-list', 'dns-rebinding-protection'],
    ...['http-header-validation', 'caching', 'input-required-result-unsupported-methods'],
  ],
};
const MAX_MS = 180_000;

const here = fileURLToPath(new URL('.', import.meta.url));
const results = mkdtempSync(join(tmpdir(), 'rollcall-conformance-'));

/** @returns whether the suite found nothing but what is expected */
function suite(url, expected, more) {
  const asked = [
    'server',
    '--url',
    `${url}/mcp`,
    '--expected-failures',
    join(here, expected),
    ...more,
  ];
  const command = `conformance ${asked.join(' ')}`;
  const child = spawn(
    'npm',
    [
      'exec',
      '--yes',
      '--loglevel=error',
      `--package=${SUITE}`,
      `--package=${NODE}`,
      '--call',
      command,
    ],
    { cwd: results, stdio: ['ignore', 'pipe', 'inherit'], timeout: MAX_MS },
  );
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  return new Promise((resolve) => {
    child.once('close', (code) => {
      console.log(`${code === 0 ? 'passed' : 'FAILED'}: ${more.join(' ')} (${expected})`);
      if (code !== 0) console.log(output.slice(-6_000));
      resolve(code === 0);
    });
  });
}

const gateway = await startProcess({ DATA_DIR: join(results, 'data'), SANDBOX: 'true' });
const [product, fixtures] = [await addKey(gateway.url, ROOT_KEY), await serveFixtures()];
let isGood = true;
for (const [revision, scenarios] of Object.entries(OF_PRODUCT)) {
  const whole = ['--requirements', revision];
  isGood = (await suite(fixtures, `fixtures-${revision}.yaml`, whole)) && isGood;
  for (const scenario of scenarios) {
    const one = ['--scenario', scenario, '--spec-version', revision];
    isGood = (await suite(product, 'product.yaml', one)) && isGood;
  }
}
await gateway.end('SIGTERM');
rmSync(results, { recursive: true, force: true });
process.exit(isGood ? 0 : 1);
