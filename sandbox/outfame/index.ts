import type { Provider } from '../provider.js';
import { rateLimitHeaders } from '../rate-window.js';
import { accountRoutes } from './accounts.js';
import { engagementRoutes } from './engagement.js';
import { refuse } from './fault.js';
import { blankAccount, outfameAccounts } from './seed.js';

/** Outfame API v1: accounts under growth on Instagram and TikTok. */
export const outfame: Provider = {
  name: 'outfame',
  mountPath: '/outfame/v1',
  defaultKey: 'sk_test_sandbox0outfame00000',
  source: outfameAccounts,
  blank: blankAccount,
  routes: [...accountRoutes, ...engagementRoutes],
  refuse,
  finish: (answer, _question, quota) => {
    if (!quota) return answer;
    // On every plan the burst limit per second is a fifth of that per minute. It is shown here, not
    // enforced.
    const burst = Math.floor(quota.limit / 5);
    const burstHeaders = {
      'X-RateLimit-Burst-Limit': String(burst),
      'X-RateLimit-Burst-Remaining': String(Math.min(burst, quota.remaining)),
    };
    return {
      ...answer,
      headers: { ...rateLimitHeaders(quota), ...burstHeaders, ...answer.headers },
    };
  },
};
