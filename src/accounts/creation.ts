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
 * The account with that handle, if the provider says that it was connected at or after `time`. Its
 * times may be in whole seconds.
 */
export async function createdSince(
  time: Date,
  providers: Providers,
  access: ProviderConnection,
  { platform, username }: { readonly platform: string; readonly username: string },
  context: CallContext,
): Promise<Observation | undefined> {
  for await (const page of providers.walk(access, context)) {
    const found = page.accounts.find(
      ({ account }) =>
        account.platform === platform &&
        account.username !== null &&
        usernameKey(account.username) === usernameKey(username),
    );
    if (!found) continue;
    const { connectedAt } = found.account;
    return connectedAt !== null &&
      Date.parse(connectedAt) >= Math.floor(time.getTime() / 1000) * 1000
      ? found
      : undefined;
  }
  return undefined;
}

/** The 422 of a provider whose API creates no accounts, with how to connect one. */
export function cannotCreate(adapter: AnyAdapter): Problem {
  const detail =
    `${adapter.name} cannot create accounts over its API. ${adapter.connect?.instructions ?? ''}`.trim();
  return new Problem(
    'operation_not_supported',
    detail,
    adapter.connect ? { connect: adapter.connect } : {},
  );
}
