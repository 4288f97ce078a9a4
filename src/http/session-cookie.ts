import type { Request } from 'express';
import type { Presented } from './caller.js';

/** The prefix makes browsers refuse it from anyone but this very host, over a secure channel. */
const SECURE_NAME = '__Host-rollcall';
/** Where browsers would not keep the other one. */
const PLAIN_NAME = 'rollcall';

/** What the headers say of who sends the request. */
export function presentedBy(request: Request): Presented {
  const { authorization, cookie } = request.headers;
  const sessionToken = cookie === undefined ? undefined : valueIn(cookie, nameAt(request));
  return { authorization, sessionToken };
}

/**
 * The `Set-Cookie` of a session.
 * @param url of this gateway, as the browser calls it
 * @param seconds how long the browser keeps it
 */
export function sessionCookie(url: string, token: string, seconds: number): string {
  const isSecure = isTrustworthy(new URL(url));
  const name = isSecure ? SECURE_NAME : PLAIN_NAME;
  const secure = isSecure ? '; Secure' : '';
  return `${name}=${token}; Path=/; Max-Age=${seconds}; HttpOnly${secure}; SameSite=Strict`;
}

/** The `Set-Cookie` that makes the browser forget it. */
export function endedCookie(url: string): string {
  return sessionCookie(url, '', 0);
}

/** Whether browsers keep a `Secure` cookie of this address: over https, and on this machine. */
export function isTrustworthy({ protocol, hostname }: Pick<URL, 'protocol' | 'hostname'>): boolean {
  return (
    protocol === 'https:' || hostname === 'localhost' || /^(127\.[\d.]+|\[::1\])$/.test(hostname)
  );
}

function nameAt(request: Request): string {
  const url = { protocol: `${request.protocol}:`, hostname: request.hostname ?? '' };
  return isTrustworthy(url) ? SECURE_NAME : PLAIN_NAME;
}

/** The first cookie of that name; `undefined`: there is none, or it is empty. */
function valueIn(header: string, name: string): string | undefined {
  for (const pair of header.split(';')) {
    const [before = '', ...after] = pair.split('=');
    if (before.trim() === name) return after.join('=').trim() || undefined;
  }
  return undefined;
}
