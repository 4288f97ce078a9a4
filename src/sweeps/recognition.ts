import type { ObservedPage } from '../providers/index.js';
import type { ObservedAccountsRepository } from './observed-accounts.repository.js';

const EXAMPLES = 3;

/** A complete list that has none of the accounts held. */
export interface UnknownList {
  readonly listed: number;
  readonly held: number;
  /** What it is about, and what to do: for the sweep's record. */
  readonly message: string;
}

/**
 * Looks through the list that a changed key or address shows for one of the accounts held, until
 * one is found: only then does it say anything of the others.
 * @returns `null` when it has one, or when none is held
 */
export async function findUnknownList(
  observed: ObservedAccountsRepository,
  pages: AsyncIterable<ObservedPage>,
  confirmation: { readonly connectionId: string; readonly sweepId: string },
): Promise<UnknownList | null> {
  const held = await observed.describeHeld(EXAMPLES);
  if (held.count === 0) return null;
  let listed = 0;
  const examples: string[] = [];
  for await (const { accounts, quarantined } of pages) {
    const named = quarantined.flatMap(({ id }) => (id === null ? [] : [id]));
    const ids = accounts.map(({ account }) => account.providerAccountId);
    if (await observed.isAnyHeld([...ids, ...named])) return null;
    listed += accounts.length;
    const names = accounts.map(({ account }) =>
      nameOf(account.username, account.providerAccountId),
    );
    examples.push(...names.slice(0, EXAMPLES - examples.length));
  }
  const { connectionId, sweepId } = confirmation;
  const found = listed === 0 ? 'is empty' : `has ${listed} others (${listOf(examples, listed)})`;
  const message =
    `The list that the changed key or address shows ${found} and none of the ${held.count} accounts held ` +
    `(${listOf(held.examples, held.count)}). Nothing was changed. If the accounts held are gone, confirm it with ` +
    `POST /v1/connections/${connectionId}/sweep {"confirm": "${sweepId}"}; otherwise give the connection its former key or address.`;
  return { listed, held: held.count, message };
}

function nameOf(username: string | null, id: string): string {
  return username === null ? id : `${username} (${id})`;
}

function listOf(examples: readonly string[], count: number): string {
  return count > examples.length ? `${examples.join(', ')}, …` : examples.join(', ');
}
