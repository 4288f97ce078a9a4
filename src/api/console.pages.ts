import express, { type Request, type Response, type Router } from 'express';
import helmet from 'helmet';
import { knownAs } from '../http/conditional.js';
import { type ConsoleFile, ENCODINGS, type Encoding, readConsole } from './console-files.js';

/** Names of assets have a hash of their content: they never change. */
const ASSETS = '/assets/';
const RETENTION_SECONDS = 31_536_000;

const POLICY = {
  defaultSrc: ["'none'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'", 'data:'],
  connectSrc: ["'self'"],
  fontSrc: ["'self'"],
  manifestSrc: ["'self'"],
  baseUri: ["'none'"],
  formAction: ["'self'"],
  frameAncestors: ["'none'"],
  requireTrustedTypesFor: ["'script'"],
};

/** What the console has no use for. */
const FEATURES = ['camera', 'display-capture', 'geolocation', 'microphone', 'payment', 'usb'];
const PERMISSIONS = FEATURES.map((feature) => `${feature}=()`).join(', ');

const NOT_BUILT = `<!doctype html>
<html lang="en">
  <head><meta charset="utf-8"><title>Rollcall</title></head>
  <body>
    <h1>The console is not built</h1>
    <p>Run <code>npm start</code> or <code>npm run build</code> in the checkout; both build it.
      The API works without it: see <a href="/docs/">/docs</a>.</p>
  </body>
</html>
`;

/**
 * The console: its built files, and its one page for every address that a person opens and that is
 * none of the API's. What is left goes on to the next handler.
 * @param folder it was built into
 * @param isOfApi whether the API, or other pages, have addresses that start like this path
 */
export function consolePages(folder: string, isOfApi: (path: string) => boolean): Router {
  let built: Promise<ReadonlyMap<string, ConsoleFile>> | undefined;
  const files = async () => {
    built ??= readConsole(folder);
    const read = await built;
    if (read.size === 0) built = undefined;
    return read;
  };
  const router = express.Router({ strict: true, caseSensitive: true });
  const secure = [
    helmet.contentSecurityPolicy({ useDefaults: false, directives: POLICY }),
    helmet.referrerPolicy({ policy: 'no-referrer' }),
    helmet.crossOriginOpenerPolicy({ policy: 'same-origin' }),
  ];
  router.use(async (request, response, next) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return next();
    const known = await files();
    const file = known.get(request.path);
    const isPage =
      request.path === '/index.html' || (file === undefined && isPageAddress(request, isOfApi));
    if (file === undefined && !isPage) return next();
    for (const guard of secure) guard(request, response, () => undefined);
    response.set('Permissions-Policy', PERMISSIONS);
    const sent = isPage ? known.get('/index.html') : file;
    if (sent === undefined)
      response.status(503).set('Cache-Control', 'no-store').type('html').send(NOT_BUILT);
    else sendFile(request, response, sent);
  });
  return router;
}

/** A browser that shows a page says that it takes HTML; programs get the problem that they expect. */
function isPageAddress(request: Request, isOfApi: (path: string) => boolean): boolean {
  if (request.path === '/') return true;
  if (request.path.startsWith(ASSETS) || isOfApi(request.path)) return false;
  return request.accepts(['json', 'html']) === 'html';
}

function sendFile(request: Request, response: Response, file: ConsoleFile): void {
  const encoding = encodingFor(request, file);
  const form = (encoding && file.encoded.get(encoding)) ?? file.plain;
  const isAsset = request.path.startsWith(ASSETS);
  response.set({
    'Content-Type': file.contentType,
    'Cache-Control': isAsset ? `public, max-age=${RETENTION_SECONDS}, immutable` : 'no-cache',
    ETag: form.etag,
    ...(file.encoded.size > 0 && { Vary: 'Accept-Encoding' }),
  });
  if (knownAs(request.get('if-none-match'), form.etag) !== undefined) {
    response.removeHeader('Content-Type');
    response.status(304).end();
    return;
  }
  if (encoding) response.set('Content-Encoding', encoding);
  response.set('Content-Length', String(form.bytes.length));
  response.end(request.method === 'HEAD' ? undefined : form.bytes);
}

function encodingFor(request: Request, file: ConsoleFile): Encoding | undefined {
  return (Object.keys(ENCODINGS) as Encoding[]).find(
    (one) => file.encoded.has(one) && request.acceptsEncodings(one) === one,
  );
}
