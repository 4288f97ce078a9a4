import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, inflateRaw } from 'node:zlib';

interface Limit {
  readonly maxOutputLength: number;
}
type Decode = (bytes: Buffer, limit: Limit) => Promise<Buffer>;

const decodeZlib = promisify<Buffer, Limit, Buffer>(inflate);
const decodeRaw = promisify<Buffer, Limit, Buffer>(inflateRaw);
const decodeGzip = promisify<Buffer, Limit, Buffer>(gunzip);

const DECODERS = new Map<string, Decode>([
  ['gzip', decodeGzip],
  ['x-gzip', decodeGzip],
  ['br', promisify<Buffer, Limit, Buffer>(brotliDecompress)],
  // By RFC 9110 a zlib stream; some servers send the bare one, whose first byte is never that.
  [
    'deflate',
    (bytes, limit) => ((bytes[0] ?? 0) % 16 === 8 ? decodeZlib : decodeRaw)(bytes, limit),
  ],
  ['identity', async (bytes) => bytes],
]);

/**
 * The bytes of an answer without its `Content-Encoding`, the last of several first: proxies compress
 * although nobody asked for it.
 * @param maxBytes the most that comes out; a bomb is given up there
 * @throws Error with `code` `ERR_BUFFER_TOO_LARGE` beyond the limit, `Z_…` for a body that is
 * broken, `ENCODING_UNKNOWN`
 */
export async function decodeContent(
  body: Buffer,
  encodings: string | string[] | undefined,
  maxBytes: number,
): Promise<Buffer> {
  const applied = [encodings ?? []]
    .flat()
    .join(',')
    .split(',')
    .map((name) => name.trim());
  let bytes = body;
  for (const name of applied.filter((one) => one !== '').reverse()) {
    const decode = DECODERS.get(name.toLowerCase());
    if (decode === undefined)
      throw Object.assign(new Error(`unknown encoding ${name.slice(0, 40)}`), {
        code: 'ENCODING_UNKNOWN',
      });
    // An empty body (204) may carry the header all the same.
    if (bytes.length > 0) bytes = await decode(bytes, { maxOutputLength: maxBytes });
  }
  return bytes;
}
