import { scatter } from '../../../sandbox/deterministic.js';
import type { RunningProvider } from '../../../sandbox/running-provider.js';
import type { Client } from '../../support/client.js';

const STATUSES = ['active', 'paused', 'suspended'];

/** Work that goes on until it is ended, whether a gateway answers or not. */
interface Load {
  /** Resolves when the last request has been answered or has failed. */
  end(): Promise<void>;
}

/**
 * Changes at a provider, sweeps that find them, labels and disconnects, all at once and without a
 * pause.
 * @param gateway whoever is up at the moment; requests to one that was killed are lost
 */
export function startLoad(
  gateway: () => Client,
  outfame: RunningProvider,
  connectionId: string,
  accounts: readonly string[],
): Load {
  let isOver = false;
  let turn = 0;
  const pick = () => accounts[scatter(turn++, accounts.length)] ?? '';
  const repeat = async (everyMs: number, act: () => unknown) => {
    while (!isOver) {
      // The gateway may be dead, or die of it.
      await Promise.resolve(act()).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  };
  const change = () => {
    const id = pick();
    if (outfame.account(id))
      outfame.putAccount(id, {
        status: STATUSES[scatter(turn++, STATUSES.length)],
        followers_count: turn,
      });
  };
  const work = [
    repeat(20, async () => change()),
    repeat(100, () => gateway().post(`/v1/connections/${connectionId}/sweep`)),
    repeat(30, () =>
      gateway().patch(`/v1/accounts/outfame:${pick()}`, { labels: { turn: String(turn) } }),
    ),
    repeat(300, () =>
      gateway().delete(`/v1/accounts/outfame:${pick()}`, { Prefer: 'respond-async' }),
    ),
  ];
  return {
    end: async () => {
      isOver = true;
      await Promise.all(work);
    },
  };
}
