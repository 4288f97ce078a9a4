import { type Answer, type Fields, Refused } from '../message.js';
import type { Call, Provider } from '../provider.js';
import { connectRoutes } from './connect.js';
import { ACCOUNT_NOT_FOUND, refuse } from './fault.js';
import { accountKey, blankAccount, socialsyncerAccounts } from './seed.js';

/**
 * An unknown network has no accounts; whether SocialSyncer would refuse it instead is not
 * documented.
 */
function list({ question, accounts }: Call): Answer {
  const platform = question.query.get('platform');
  const all = Array.from(accounts.walk('oldest_first'), ({ account }) => account);
  const shown = platform === null ? all : all.filter((account) => account.platform === platform);
  return { status: 200, body: { accounts: shown.map(listItem) } };
}

function listItem({ platform, accountId, username, connectedAt }: Fields): Fields {
  return { platform, accountId, username, connectedAt };
}

/** An account whose `health` is null (a control route can make it so) is in the list alone. */
function health({ accounts }: Call): Answer {
  const checked = Array.from(accounts.walk('oldest_first'), ({ account }) => account).filter(
    (account) => account.health !== null,
  );
  return { status: 200, body: { accounts: checked.map(({ connectedAt, ...item }) => item) } };
}

function disconnect({ accounts, params }: Call): Answer {
  const key = accountKey(params.platform ?? '', params.accountId ?? '');
  if (!accounts.remove(key)) throw new Refused(ACCOUNT_NOT_FOUND);
  return { status: 200, body: { deleted: true } };
}

/** SocialSyncer API v1: OAuth connections, named by network and the network's own id. */
export const socialsyncer: Provider = {
  name: 'socialsyncer',
  mountPath: '/socialsyncer/v1',
  defaultKey: 'sk_sandbox0socialsyncer000000000',
  source: socialsyncerAccounts,
  blank: blankAccount,
  refuse,
  finish: (answer) => answer,
  routes: [
    { method: 'GET', path: '/accounts', handle: list },
    // Before any route on accounts with parameters: `health` is no network.
    { method: 'GET', path: '/accounts/health', handle: health },
    { method: 'DELETE', path: '/accounts/{platform}/{accountId}', handle: disconnect },
    ...connectRoutes(),
  ],
};
