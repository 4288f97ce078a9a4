import { Problem } from '../http/problem.js';
import type { AnyAdapter } from '../model/index.js';
import type {
  CallContext,
  Observation,
  ProviderConnection,
  Providers,
} from '../providers/index.js';
import { usernameKey } from './account-filter.js';

/**
 * The accounts of a platform that the provider says were connected at or after `time`. Its times may
 * be in whole seconds.
 */
export async function* connectedSince(
  time: Date,
  providers: Providers,
  access: ProviderConnection,
  platform: string,
  context: CallContext,
): AsyncGenerator<Observation> {
  const from = Math.floor(time.getTime() / 1000) * 1000;
  for await (const page of providers.walk(access, context))
    for (const observation of page.accounts) {
      const { account } = observation;
      if (account.platform !== platform || account.connectedAt === null) continue;
      if (Date.parse(account.connectedAt) >= from) yield observation;
    }
}

/** The account with that handle, if the provider says that it was connected at or after `time`. */
export async function createdSince(
  time: Date,
  providers: Providers,
  access: ProviderConnection,
  { platform, username }: { readonly platform: string; readonly username: string },
  context: CallContext,
): Promise<Observation | undefined> {
  const key = usernameKey(username);
  for await (const found of connectedSince(time, providers, access, platform, context))
    if (found.account.username !== null && usernameKey(found.account.username) === key)
      return found;
  return undefined;
}

/** @throws Problem 422 with how to connect an account where the provider's API creates none */
export function requireCreation(adapter: AnyAdapter): void {
  if (adapter.operations.create) return;
  const { connect } = adapter;
  const detail =
    `${adapter.name} cannot create accounts over its API. ${connect?.instructions ?? ''}`.trim();
  throw new Problem('operation_not_supported', detail, connect ? { connect } : {});
}

/** @throws Problem 422 with how to connect an account where the provider's API begins no flow */
export function requireFlow(adapter: AnyAdapter): void {
  if (adapter.operations.connectStart) return;
  const { connect } = adapter;
  const detail = `${adapter.name} has no connect flow over its API. ${connect?.instructions ?? 'Use POST /v1/accounts.'}`;
  throw new Problem('operation_not_supported', detail, connect ? { connect } : {});
}
