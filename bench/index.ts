import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { disconnects } from './disconnects.js';
import { events } from './events.js';
import { fairness } from './fairness.js';
import { health } from './health.js';
import { importing } from './importing.js';
import { profiles } from './profiles.js';
import { reading } from './reading.js';
import { starting } from './starting.js';

/**
 * `npm run bench [-- name …]`: figures of one run on this machine. Compare the ratios, not the
 * absolute figures.
 */
const PORT = 4950;
const benches = { importing, reading, starting, disconnects, health, events, profiles, fairness };

const asked = process.argv.slice(2);
const folder = await mkdtemp(join(tmpdir(), 'rollcall-bench-'));
// Run by root, the embedded PostgreSQL has another user.
await chmod(folder, 0o755);
try {
  for (const [name, run] of Object.entries(benches)) {
    if (asked.length > 0 && !asked.includes(name)) continue;
    process.stdout.write(`\n${name}\n`);
    await run(join(folder, 'data'), PORT);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
