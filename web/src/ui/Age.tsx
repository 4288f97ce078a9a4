import { useSyncExternalStore } from 'react';

const TICK_MS = 10_000;
let now = Date.now();

/** One clock for all ages on the page. */
function everyTick(changed: () => void): () => void {
  const timer = setInterval(() => {
    now = Date.now();
    changed();
  }, TICK_MS);
  return () => clearInterval(timer);
}

const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
] as const;

/** `3 min`, of seconds. */
export function span(seconds: number): string {
  for (const [unit, length] of UNITS)
    if (seconds >= length) return `${Math.floor(seconds / length)} ${unit}`;
  return `${Math.max(0, Math.floor(seconds))} s`;
}

const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

/** A time as its age, with the exact one in reach. */
export function Age({
  at,
  none = 'never',
}: {
  readonly at: string | null;
  readonly none?: string;
}) {
  const seen = useSyncExternalStore(everyTick, () => now);
  if (at === null) return <span className="quiet">{none}</span>;
  const seconds = (Math.max(seen, Date.now() - TICK_MS) - Date.parse(at)) / 1000;
  const text =
    seconds < -5 ? `in ${span(-seconds)}` : seconds < 10 ? 'just now' : `${span(seconds)} ago`;
  return (
    <time dateTime={at} title={`${exact.format(new Date(at))} (${at})`} className="number nowrap">
      {text}
    </time>
  );
}

/** A time in full, for what is printed. */
export function Time({ at }: { readonly at: string | null }) {
  if (at === null) return <span className="quiet">–</span>;
  return (
    <time dateTime={at} title={at} className="number">
      {exact.format(new Date(at))}
    </time>
  );
}
