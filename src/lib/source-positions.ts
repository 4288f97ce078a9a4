import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';

/** By the address of the compiled file; `undefined` where it has none. */
const maps = new Map<string, SourceMap | undefined>();

/**
 * From now on stacks name places in the sources. Each file's map is read when a stack that leads
 * through it is looked at: `--enable-source-maps` reads all of them with the code, which takes 20 MB
 * in each process.
 */
export function showSourcePositions(): void {
  Error.prepareStackTrace = (error, sites) =>
    [headline(error), ...sites.map((site) => `    at ${textOf(site)}`)].join('\n');
}

function headline(error: Error): string {
  try {
    return String(error);
  } catch {
    return '<error>';
  }
}

function textOf(site: NodeJS.CallSite): string {
  const text = String(site);
  const file = site.getScriptNameOrSourceURL?.() ?? site.getFileName();
  const [line, column] = [site.getLineNumber(), site.getColumnNumber()];
  if (!file?.startsWith('file:') || line === null || column === null) return text;
  const entry = mapOf(file)?.findEntry(line - 1, column - 1);
  if (entry === undefined || !('originalSource' in entry)) return text;
  const source = new URL(entry.originalSource, file).href;
  const place = `${source}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
  return text.replace(`${file}:${line}:${column}`, place);
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
