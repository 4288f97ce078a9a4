import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { cpus, hostname } from 'node:os';
import { dirname } from 'node:path';
import type { Figure } from './figures.js';

/** Figures that were kept, and where they were measured: those of another machine tell nothing. */
interface SavedRun {
  readonly machine: string;
  readonly at: string;
  readonly figures: readonly Figure[];
}

const FILE = decodeURIComponent(new URL('../../data/bench.json', import.meta.url).pathname);
const machine = `${hostname()}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`;

/** Keeps the figures of this run; those that it has not measured stay. @returns the file */
export async function saveRun(figures: readonly Figure[]): Promise<string> {
  const before = (await readRun()) ?? { machine, at: '', figures: [] };
  const names = new Set(figures.map(({ what }) => what));
  const kept = before.machine === machine ? before.figures : [];
  const run: SavedRun = {
    machine,
    at: new Date().toISOString(),
    figures: [...kept.filter(({ what }) => !names.has(what)), ...figures],
  };
  await mkdir(dirname(FILE), { recursive: true });
  await writeFile(FILE, `${JSON.stringify(run, undefined, 2)}\n`);
  return FILE;
}

/** @throws Error where none was saved on this machine */
export async function savedRun(): Promise<SavedRun> {
  const run = await readRun();
  if (run === undefined) throw new Error('no run is saved: `npm run bench -- --save` saves one');
  if (run.machine !== machine)
    throw new Error(`the saved run is of another machine: ${run.machine}`);
  return run;
}

async function readRun(): Promise<SavedRun | undefined> {
  const text = await readFile(FILE, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as SavedRun);
}
