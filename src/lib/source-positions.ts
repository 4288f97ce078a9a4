import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';

/** By the address of the compiled file; `undefined` where it has none. */
const maps = new Map<string, SourceMap | undefined>();

/** As a stack names a place in a compiled file: its address, line and column, counted from one. */
const PLACE = /(file:\S+?):(\d+):(\d+)/g;

/**
 * The stack of an error as it is told, with places in the sources. The map of a file is read when a
 * stack that leads through it is told: `--enable-source-maps` reads all of them with the code, and a
 * hook of V8's whenever Node.js looks at a stack, as it does when a write fails; each takes some
 * 10 MB.
 */
export function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return 'not an Error';
  return String(error.stack).replace(PLACE, inSources);
}

/** So that Node.js, too, tells places in the sources when an error ends the process. */
export function showSourcePositions(): void {
  process.on('uncaughtExceptionMonitor', (error) => {
    if (error instanceof Error) error.stack = stackOf(error);
  });
}

function inSources(place: string, file: string, line: string, column: string): string {
  const entry = mapOf(file)?.findEntry(Number(line) - 1, Number(column) - 1);
  if (entry === undefined || !('originalSource' in entry)) return place;
  const source = new URL(entry.originalSource, file).href;
  return `${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
}

function mapOf(file: string): SourceMap | undefined {
  if (!maps.has(file)) maps.set(file, readMap(file));
  return maps.get(file);
}

function readMap(file: string): SourceMap | undefined {
  try {
    return new SourceMap(JSON.parse(readFileSync(new URL(`${file}.map`), 'utf8')));
  } catch {
    return undefined;
  }
}
