import { hash } from 'node:crypto';
import { stableUrls } from '../lib/url-parameters.js';
import { ACCOUNT_COLUMNS, type AnyAdapter, DERIVED } from '../model/index.js';
import type { Coverage, Observation } from '../providers/index.js';
import { usernameKey } from './account-filter.js';
import { recommend } from './recommendations.js';

/**
 * An observation as a row of `accounts`, in the columns' names; `content_hash` is over all the rest.
 */
export interface AccountRecord {
  readonly [column: string]: unknown;
  readonly provider_account_id: string;
  readonly avatar_url: string | null;
  readonly content_hash: string;
  /** No column: what the look behind it covered. */
  readonly coverage: Coverage;
}

type ReadValue = (observation: Observation, adapter: AnyAdapter) => unknown;

/** The columns whose value is computed, and how. */
const DERIVED_VALUES: Readonly<Record<string, ReadValue>> = {
  username_key: ({ account: { username } }) => (username === null ? null : usernameKey(username)),
  recommendations: ({ account: { verdict, advice, profileUrl } }, adapter) =>
    recommend(verdict, { adapter, advice, profileUrl }),
  remote_data: ({ remoteData }) => remoteData,
};

const VALUES: readonly (readonly [column: string, read: ReadValue])[] = ACCOUNT_COLUMNS.flatMap(
  ({ column, observed }) =>
    column === null || observed === null ? [] : [[column, reader(column, observed)]],
);

/** How the value of a column is read from an observation. */
function reader(column: string, observed: string): ReadValue {
  if (observed === DERIVED) {
    const derive = DERIVED_VALUES[column];
    if (!derive) throw new Error(`the column ${column} is derived from nothing`);
    return derive;
  }
  const [name = '', part] = observed.split('.');
  return ({ account }) => {
    const value = (account as unknown as Readonly<Record<string, unknown>>)[name];
    return part === undefined ? value : (value as Readonly<Record<string, unknown>>)[part];
  };
}

/** The row of `accounts` for an observation, without what only the database knows. */
export function toRecord(observation: Observation, adapter: AnyAdapter): AccountRecord {
  const content: Record<string, unknown> = {};
  for (const [column, read] of VALUES) content[column] = read(observation, adapter);
  // Signed addresses change from look to look; what they lead to does not.
  const lasting = stableUrls(JSON.stringify(content));
  return {
    ...content,
    provider_account_id: observation.account.providerAccountId,
    avatar_url: observation.account.avatarUrl,
    content_hash: hash('sha1', lasting, 'base64url'),
    coverage: observation.coverage,
  };
}
