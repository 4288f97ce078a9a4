import type { Clock } from '../lib/clock.js';
import { hashOfToken, makeToken } from './session-life.js';

const GOOD_FOR_MS = 10 * 60_000;

/**
 * Links that sign in the person who started this process without typing a key: each is valid once,
 * for ten minutes, at this process only.
 */
export class SignInLinks {
  private readonly links = new Map<string, { readonly keyId: string; readonly until: number }>();

  constructor(private readonly clock: Clock) {}

  /** @returns the link's token, which stands for the key */
  make(keyId: string): string {
    const token = makeToken();
    this.links.set(nameOf(token), { keyId, until: this.clock.now().getTime() + GOOD_FOR_MS });
    return token;
  }

  /** @returns the key's id, once */
  redeem(token: string): string | undefined {
    const name = nameOf(token);
    const link = this.links.get(name);
    this.links.delete(name);
    return link !== undefined && this.clock.now().getTime() < link.until ? link.keyId : undefined;
  }
}

function nameOf(token: string): string {
  return Buffer.from(hashOfToken(token) ?? []).toString('base64');
}
