import { createReadStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { PassThrough, pipeline, Readable } from 'node:stream';
import { pipeline as pipelineEnd } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { z } from 'zod';
import { StartError } from '../../lib/start-error.js';

const FORMAT = 'rollcall backup 1';
/** Bytes of a frame before its content: what it is, and how long. */
const HEAD_BYTES = 5;
/** More than any frame that we write. */
const MAX_FRAME_BYTES = 2 ** 30;

const headerSchema = z.object({
  format: z.literal(FORMAT),
  created_at: z.iso.datetime(),
  /** The migrations that the database had. */
  migrations: z.array(z.string()),
  /** Secrets that its values are sealed with, each with a text that it alone opens, in base64. */
  secrets: z.array(z.object({ id: z.string(), canary: z.string() })),
  partitions: z.array(z.object({ table: z.string(), parent: z.string(), bound: z.string() })),
});
const tableSchema = z.object({ table: z.string(), columns: z.array(z.string()) });
const endSchema = z.object({
  rows: z.number(),
  sequences: z.array(z.object({ sequence: z.string(), last: z.string(), isCalled: z.boolean() })),
});

export type BackupHeader = z.output<typeof headerSchema>;
export type BackupEnd = z.output<typeof endSchema>;

/**
 * A part of a backup. A file is, compressed by gzip: a header, for each table its name and then its
 * rows as PostgreSQL's `COPY` writes them, cut anywhere, and an end, which a file that was cut off
 * lacks. Each stands behind a letter and four bytes of length.
 */
export type Frame =
  | ({ readonly kind: 'header' } & BackupHeader)
  | ({ readonly kind: 'table' } & z.output<typeof tableSchema>)
  | { readonly kind: 'rows'; readonly bytes: Buffer }
  | ({ readonly kind: 'end' } & BackupEnd);

const LETTERS = { header: 'H', table: 'T', rows: 'R', end: 'E' } as const;

/**
 * Writes the frames to a new file that its owner alone can read, whole or not at all.
 * @throws StartError when the file is there already or cannot be written
 */
export async function writeFrames(path: string, frames: AsyncIterable<Frame>): Promise<void> {
  const unfinished = `${path}.unfinished`;
  await refuseExisting(path);
  const file = await open(unfinished, 'wx', 0o600).catch(unusable(unfinished));
  try {
    const encoded = Readable.from(encode(frames), { objectMode: false });
    await pipelineEnd(encoded, createGzip(), file.createWriteStream({ flush: true }));
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}

async function refuseExisting(path: string): Promise<void> {
  const file = await open(path, 'r').catch(() => undefined);
  await file?.close();
  if (file) throw new StartError(`${path} already exists: a backup does not replace a file.`);
}

function unusable(path: string): (error: NodeJS.ErrnoException) => never {
  return ({ code }) => {
    throw new StartError(
      code === 'EEXIST'
        ? `${path} is there: another backup is writing it, or was interrupted. Remove it in the latter case.`
        : `${path} cannot be used (${code}).`,
    );
  };
}

async function* encode(frames: AsyncIterable<Frame>): AsyncGenerator<Buffer> {
  for await (const frame of frames) {
    const { kind, ...content } = frame;
    const bytes = frame.kind === 'rows' ? frame.bytes : Buffer.from(JSON.stringify(content));
    const head = Buffer.alloc(HEAD_BYTES);
    head.write(LETTERS[kind], 'latin1');
    head.writeUInt32BE(bytes.length, 1);
    yield head;
    yield bytes;
  }
}

/**
 * Reads the frames of a file; the first is its header.
 * @throws StartError when it is no backup, is damaged, or was cut off
 */
export async function* readFrames(path: string): AsyncGenerator<Frame> {
  let hasEnded = false;
  try {
    for await (const frame of decode(path)) {
      hasEnded = frame.kind === 'end';
      yield frame;
    }
  } catch (error) {
    if (error instanceof z.ZodError || 'errno' in (error as object) || isOfZlib(error))
      throw new StartError(
        `${path} is not a backup of Rollcall, or is damaged (${String((error as NodeJS.ErrnoException).code ?? 'format')}).`,
      );
    throw error;
  }
  if (!hasEnded) throw new StartError(`${path} is incomplete: it has no end.`);
}

const isOfZlib = (error: unknown) => /^Z_/.test(String((error as { code?: unknown }).code));

async function* decode(path: string): AsyncGenerator<Frame> {
  const source = pipeline(
    createReadStream(path),
    createGunzip(),
    new PassThrough(),
    () => undefined,
  );
  let left = Buffer.alloc(0);
  for await (const chunk of source) {
    left = left.length === 0 ? chunk : Buffer.concat([left, chunk]);
    while (left.length >= HEAD_BYTES) {
      const end = HEAD_BYTES + lengthIn(left);
      if (left.length < end) break;
      yield frameOf(left.toString('latin1', 0, 1), left.subarray(HEAD_BYTES, end));
      left = left.subarray(end);
    }
  }
  if (left.length > 0) throw new StartError(`${path} is incomplete: its last part is damaged.`);
}

function lengthIn(head: Buffer): number {
  const length = head.readUInt32BE(1);
  if (length > MAX_FRAME_BYTES) throw new z.ZodError([]);
  return length;
}

function frameOf(letter: string, bytes: Buffer): Frame {
  const json = () => {
    try {
      return JSON.parse(bytes.toString()) as unknown;
    } catch {
      throw new z.ZodError([]);
    }
  };
  switch (letter) {
    case LETTERS.header:
      return { kind: 'header', ...headerSchema.parse(json()) };
    case LETTERS.table:
      return { kind: 'table', ...tableSchema.parse(json()) };
    case LETTERS.rows:
      return { kind: 'rows', bytes };
    case LETTERS.end:
      return { kind: 'end', ...endSchema.parse(json()) };
    default:
      throw new z.ZodError([]);
  }
}
