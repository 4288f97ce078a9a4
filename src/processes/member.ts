import cluster from 'node:cluster';
import type { Siblings } from '../http/metrics.js';
import { endInTime } from './ending.js';
import type { FromMember, ToMember } from './messages.js';

/** Longer than the supervisor waits for the others. */
const MAX_GATHER_MS = 3_000;

/** One of several processes of a gateway, as it stands to its supervisor. */
export interface Member extends Siblings {
  /** From 1. */
  readonly number: number;
  /** Whether the gateway has told already where it is reached. */
  readonly isTold: boolean;
  /** Tells the supervisor that it serves. */
  ready(): void;
}

/**
 * Joins the supervisor that started this process.
 * @param words of the command line
 * @param onAlone is called when the supervisor is gone: nobody would replace or end this process
 */
export function joinGroup([number, told]: readonly string[], onAlone: () => void): Member {
  const { worker } = cluster;
  if (worker === undefined) throw new Error('this process was not started by a supervisor');
  worker.on('disconnect', () => {
    // Otherwise node:cluster ends the process at once, with what is under way.
    worker.exitedAfterDisconnect = true;
    endInTime();
    onAlone();
  });
  const send = (message: FromMember) => {
    if (process.connected) process.send?.(message);
  };
  let tell: () => Promise<string> = async () => '';
  let lastAsk = 0;
  const waiting = new Map<number, (texts: readonly string[]) => void>();
  process.on('message', async (message: ToMember) => {
    if (message.kind === 'gathered') waiting.get(message.ask)?.(message.texts);
    else send({ kind: 'told', ask: message.ask, text: await tell() });
  });
  return {
    number: Number(number),
    isTold: told === 'told',
    ready: () => send({ kind: 'ready' }),
    tells: (own) => {
      tell = own;
    },
    gather: async () => {
      lastAsk += 1;
      const ask = lastAsk;
      let timer: NodeJS.Timeout | undefined;
      const texts = await new Promise<readonly string[]>((resolve) => {
        waiting.set(ask, resolve);
        timer = setTimeout(async () => resolve([await tell()]), MAX_GATHER_MS);
        send({ kind: 'gather', ask });
      });
      clearTimeout(timer);
      waiting.delete(ask);
      return texts;
    },
  };
}
