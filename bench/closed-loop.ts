import { Pool } from 'undici';

/** Someone who asks again as soon as there is an answer. */
export interface Asker {
  readonly headers: Readonly<Record<string, string>>;
  /** @param number counts the requests of all askers */
  readonly pathOf: (number: number) => string;
}

export interface Answered {
  /** Answers with 200, a second. */
  readonly perSecond: number;
  /** Other answers, by status. */
  readonly refused: ReadonlyMap<number, number>;
}

/**
 * Has all askers ask for a while, each on a connection of its own.
 * @returns what each got within that time: what some still wait for at its end, while others have
 * stopped, is nobody's
 */
export async function askFor(
  seconds: number,
  url: string,
  askers: readonly Asker[],
): Promise<Answered[]> {
  const pool = new Pool(url, { connections: askers.length });
  const end = performance.now() + seconds * 1000;
  let sent = 0;
  const ask = async ({ headers, pathOf }: Asker) => {
    let answered = 0;
    const refused = new Map<number, number>();
    while (performance.now() < end) {
      const path = pathOf(sent++);
      const { statusCode, body } = await pool.request({ path, method: 'GET', headers });
      await body.dump({ limit: 10_000_000 });
      if (performance.now() >= end) break;
      if (statusCode === 200) answered += 1;
      else refused.set(statusCode, (refused.get(statusCode) ?? 0) + 1);
    }
    return { answered, refused };
  };
  const outcomes = await Promise.all(askers.map(ask));
  await pool.close();
  return outcomes.map(({ answered, refused }) => ({ perSecond: answered / seconds, refused }));
}
