import { type AccountSource, NO_GENERATED_ACCOUNTS } from '../accounts.js';
import { type Fields, timestamp } from '../message.js';

/** The row of a channel as Postiz keeps it, tokens included; its list shows a part of it. */
export function blankAccount(id: string, now: Date): Fields {
  return {
    id,
    internalId: id,
    organizationId: 'org_sandbox',
    name: id,
    picture: null,
    providerIdentifier: 'x',
    type: 'social',
    token: `network-token-of-${id}`,
    refreshToken: `network-refresh-token-of-${id}`,
    tokenExpiration: timestamp(now),
    refreshNeeded: false,
    disabled: false,
    profile: id,
    customer: null,
    inBetweenSteps: false,
    deletedAt: null,
  };
}

/**
 * Two ways into Instagram, a page whose profile is a title, a location without one, a network under
 * another name, a channel that is switched off, and channels of a customer.
 */
const SEEDS: readonly Fields[] = [
  seed('cm4acme0instagram00000001', 'instagram-standalone', 'acmefitness', 'Acme Fitness', {
    customer: { id: 'cust_acme', name: 'Acme' },
  }),
  seed('cm4acme0linkedin000000002', 'linkedin-page', 'Acme Fitness Inc.', 'Acme Fitness Inc.', {
    customer: { id: 'cust_acme', name: 'Acme' },
  }),
  seed('cm4harbor0maps00000000003', 'gmb', '', 'Harbor Kitchen'),
  seed('cm4lumen0x0000000000000004', 'x', 'LumenStudio_', 'Lumen Studio', { disabled: true }),
  seed('cm4lumen0cast000000000005', 'wrapcast', 'lumenstudio', 'Lumen Studio'),
];

function seed(
  id: string,
  providerIdentifier: string,
  profile: string,
  name: string,
  more: Fields = {},
): Fields {
  const row = blankAccount(id, new Date(Date.UTC(2026, 8, 1)));
  return { ...row, providerIdentifier, profile, name, ...more };
}

export function postizAccounts(): AccountSource {
  return {
    seeded: new Map(SEEDS.map((account) => [String(account.id), account])),
    generated: NO_GENERATED_ACCOUNTS,
  };
}
