import { hash } from 'node:crypto';
import type { ProcessLease } from '../database/process-lease.js';
import { render } from './answer.js';
import { etagUnpacked } from './content-coding.js';
import { Problem } from './problem.js';
import type { AnyCall, Endpoint } from './route.js';
import { validate } from './validate.js';

/** The strong ETag of a body. */
export function etagOf(text: string | Buffer): string {
  return `"${hash('sha256', text, 'base64url').slice(0, 27)}"`;
}

/**
 * The strong ETag of a versioned list before it is built: of everything its body depends on. The
 * caller's version was read before the list will be, so the list can only be newer than its ETag
 * says, which the next request finds out.
 * @param release changes with what the gateway shows of the same rows
 */
export function etagOfVersion(
  { caller, url, search }: Pick<AnyCall, 'caller' | 'url' | 'search'>,
  release: string,
): string {
  const { teamId, teamVersion, key } = caller;
  return etagOf(JSON.stringify([release, teamId, teamVersion, key.providers, url, String(search)]));
}

/**
 * The ETag by which `If-None-Match` names what `etag` is of, in whichever coding the caller has it.
 * @returns `undefined`: it does not
 */
export function knownAs(ifNoneMatch: string | undefined, etag: string): string | undefined {
  if (ifNoneMatch === undefined) return undefined;
  const candidates = ifNoneMatch.split(',').map((candidate) => candidate.trim());
  for (const candidate of candidates) {
    if (candidate === '*') return etag;
    const named = candidate.replace(/^W\//, '');
    if (etagUnpacked(named) === etag) return named;
  }
  return undefined;
}

/**
 * Does the conditional changes of one resource one after the other on all replicas, so that of two
 * with the same ETag one comes too late, however each spells its address. Changes without a
 * condition, which their callers want whatever is there, do not wait.
 */
export class Preconditions {
  private readonly last = new Map<string, Promise<unknown>>();

  constructor(private readonly lease: ProcessLease) {}

  /**
   * Does `work` if the resource that the address leads to still is what `If-Match` names.
   * @param shows the endpoint that shows it, where there is one
   * @throws Problem 412 `precondition_failed`
   */
  async guard<Result>(
    ifMatch: string,
    shows: Endpoint | undefined,
    call: AnyCall,
    work: () => Promise<Result>,
  ): Promise<Result> {
    const named = ifMatch.split(',').map((candidate) => etagUnpacked(candidate.trim()));
    const readMatching = async () => {
      const text = shows && (await textOf(shows, call));
      if (text === undefined || !(named.includes('*') || named.includes(etagOf(text)))) {
        throw new Problem(
          'precondition_failed',
          'The resource has changed since, or has no ETag. GET it again and review it before changing it.',
        );
      }
      return text;
    };
    const resource = `${call.caller.teamId} ${identify(await readMatching(), call)}`;
    const before = this.last.get(resource) ?? Promise.resolve();
    const act = async () => {
      await readMatching();
      return work();
    };
    const mine = before.then(() => this.lease.withLock(`change of ${resource}`, act));
    const finished = mine.catch(() => undefined);
    this.last.set(resource, finished);
    try {
      return await mine;
    } finally {
      if (this.last.get(resource) === finished) this.last.delete(resource);
    }
  }
}

async function textOf(shows: Endpoint, call: AnyCall): Promise<string | undefined> {
  const query = shows.query && validate(shows.query, {}, 'query parameter');
  return render(await shows.handle({ ...call, query, body: {} })).text;
}

/**
 * What a resource is locked by: its own id, as one may be addressed in several ways; of one
 * without an id its path, as replicas may be called by different names.
 */
function identify(text: string, call: AnyCall): string {
  const { data } = JSON.parse(text) as { readonly data?: { readonly id?: unknown } };
  return typeof data?.id === 'string' ? data.id : new URL(call.url).pathname;
}
