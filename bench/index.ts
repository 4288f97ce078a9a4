import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commands } from './commands.js';
import { disconnects } from './disconnects.js';
import { events } from './events.js';
import { fairness } from './fairness.js';
import { compare, figures } from './figures.js';
import { health } from './health.js';
import { importing } from './importing.js';
import { processes } from './processes.js';
import { profiles } from './profiles.js';
import { reading } from './reading.js';
import { savedRun, saveRun } from './saved-run.js';
import { settling } from './settling.js';
import { soak } from './soak.js';
import { starting } from './starting.js';

/**
 * `npm run bench [-- name … --save --compare]`: figures of one run on this machine. Compare the
 * ratios, not the absolute figures. `--save` keeps them in `data/bench.json`, and `--compare` prints
 * them as multiples of those that were kept. `soak --minutes=30` runs when it is asked for, alone or among
 * others.
 */
const PORT = 4950;
const benches = {
  ...{ importing, reading, starting, disconnects, health, events, profiles, fairness },
  ...{ commands, processes, settling },
};

const isOption = (word: string) => word.startsWith('--');
const asked = process.argv.slice(2).filter((word) => !isOption(word));
const options = process.argv.slice(2).filter(isOption);
const unknown = options.filter((option) => !/^--(save|compare|minutes=\d+)$/.test(option));
if (unknown.length > 0) throw new Error(`unknown: ${unknown.join(', ')}`);
const minutes = Number(options.find((option) => option.startsWith('--minutes='))?.slice(10) ?? 30);
const saved = options.includes('--compare') ? await savedRun() : undefined;
const folder = await mkdtemp(join(tmpdir(), 'rollcall-bench-'));
// Run by root, the embedded PostgreSQL has another user.
await chmod(folder, 0o755);
try {
  for (const [name, run] of Object.entries(benches)) {
    if (asked.length > 0 && !asked.includes(name)) continue;
    process.stdout.write(`\n${name}\n`);
    await run(join(folder, 'data'), PORT);
  }
  if (asked.includes('soak')) {
    process.stdout.write('\nsoak\n');
    await soak(join(folder, 'soak'), PORT, minutes);
  }
  if (saved !== undefined) {
    process.stdout.write(`\nbeside the run of ${saved.at}\n`);
    compare(saved.figures);
  }
  if (options.includes('--save')) process.stdout.write(`\nSaved in ${await saveRun(figures)}\n`);
} finally {
  await rm(folder, { recursive: true, force: true });
}
