import { type LookupAddress, promises } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { isLoopbackAddress, isPublicAddress } from './public-address.js';

/** Finds every address of a host name. */
export type Resolve = (hostname: string) => Promise<readonly LookupAddress[]>;

/**
 * A webhook's URL, or where it leads to, is not allowed. The message names no address: it would
 * reveal our network.
 */
export class ForbiddenAddress extends Error {
  override readonly name = 'ForbiddenAddress';
}

const resolveBySystem: Resolve = (hostname) =>
  promises.lookup(hostname, { all: true, verbatim: true });

/**
 * Where webhooks may be sent: to public addresses over https. A URL is a way into our network, so
 * it is checked whenever it is used.
 */
export class WebhookAddresses {
  /**
   * @param allowLoopback lets this machine's own addresses be reached too, over http as well: for
   * development
   */
  constructor(
    private readonly allowLoopback: boolean,
    private readonly resolve: Resolve = resolveBySystem,
  ) {}

  /** Checks what can be checked without resolving the host. @throws ForbiddenAddress */
  check(text: string): URL {
    // The WHATWG parser turns every spelling of an IPv4 address (hexadecimal, octal, one number,
    // full-width digits) into four decimals.
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (!url) throw new ForbiddenAddress('must be an absolute URL');
    if (url.username !== '' || url.password !== '')
      throw new ForbiddenAddress('must not contain credentials');
    const host = hostOf(url);
    const isLocal = this.allowLoopback && (host === 'localhost' || isLoopbackAddress(host));
    if (url.protocol !== 'https:' && !(isLocal && url.protocol === 'http:'))
      throw new ForbiddenAddress('must be an https address');
    if (isIP(host) !== 0) this.admit(host);
    return url;
  }

  /** As `check`, and every address its host has now. @throws ForbiddenAddress */
  async checkResolved(text: string): Promise<void> {
    const host = hostOf(this.check(text));
    if (isIP(host) === 0) await this.addressesOf(host);
  }

  /**
   * Stands in for the resolver where a socket connects. The addresses that are checked are the ones
   * connected to, so a name that resolves differently the next moment gains nothing.
   */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    this.addressesOf(hostname).then(
      ([first, ...rest]) => {
        if (options.all) callback(null, [first, ...rest]);
        else callback(null, first.address, first.family);
      },
      (error: Error) => callback(error, []),
    );
  };

  private async addressesOf(host: string): Promise<[LookupAddress, ...LookupAddress[]]> {
    const [first, ...rest] = await this.resolve(host).catch(() => []);
    if (!first) throw new ForbiddenAddress('has a host name that does not resolve');
    for (const { address } of [first, ...rest]) this.admit(address);
    return [first, ...rest];
  }

  private admit(address: string): void {
    if (isPublicAddress(address) || (this.allowLoopback && isLoopbackAddress(address))) return;
    throw new ForbiddenAddress('must resolve to public addresses only');
  }
}

/** Without the brackets around an IPv6 address. */
function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}
