import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';

/** The ways a file is kept beside itself when the console is built, the shortest first. */
export const ENCODINGS = { br: '.br', gzip: '.gz' } as const;
export type Encoding = keyof typeof ENCODINGS;

/** One form of a file, as it is sent. */
interface FileForm {
  readonly bytes: Buffer;
  /** Strong: of these bytes. */
  readonly etag: string;
}

/** A file of the built console. */
export interface ConsoleFile {
  readonly contentType: string;
  readonly plain: FileForm;
  readonly encoded: ReadonlyMap<Encoding, FileForm>;
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
  '.woff2': 'font/woff2',
};

/**
 * The files of the console that was built into a folder, by their paths (`/assets/index-x.js`); none
 * where it was not built. They stay in memory: about a megabyte.
 */
export async function readConsole(folder: string): Promise<ReadonlyMap<string, ConsoleFile>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const names = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
  const suffixes = Object.values<string>(ENCODINGS);
  const files = await Promise.all(
    names
      .filter((name) => !suffixes.some((suffix) => name.endsWith(suffix)))
      .map(async (name) => {
        const encoded = Object.entries(ENCODINGS)
          .filter(([, suffix]) => names.includes(name + suffix))
          .map(async ([encoding, suffix]) => {
            return [encoding as Encoding, await readForm(join(folder, name + suffix))] as const;
          });
        const file = {
          contentType: CONTENT_TYPES[extname(name)] ?? 'application/octet-stream',
          plain: await readForm(join(folder, name)),
          encoded: new Map(await Promise.all(encoded)),
        };
        return [`/${name.split(sep).join('/')}`, file] as const;
      }),
  );
  return new Map(files);
}

async function readForm(path: string): Promise<FileForm> {
  const bytes = await readFile(path);
  const digest = createHash('sha256').update(bytes).digest('base64url').slice(0, 27);
  return { bytes, etag: `"${digest}"` };
}
