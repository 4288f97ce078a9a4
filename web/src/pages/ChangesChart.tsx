import { useCallback } from 'react';
import uPlot from 'uplot';
import { type Paint, useChart } from '../ui/use-chart';
import type { Change } from './changes';

const HOUR = 3_600;
const HOURS = 24;
const HEIGHT = 150;
const SERIES = [
  ['unhealthy', '--bad-fill'],
  ['warning', '--warn-fill'],
  ['unknown', '--line-strong'],
  ['healthy', '--ok-fill'],
] as const;

/** Changes per hour, by what they led to: stacked, from the bottom as in `SERIES`. */
function stacked(changes: readonly Change[]): uPlot.AlignedData {
  const end = Math.floor(Date.now() / 1000 / HOUR) * HOUR;
  const hours = Array.from({ length: HOURS }, (_, index) => end - (HOURS - 1 - index) * HOUR);
  const sums = hours.map(() => 0);
  const rows = SERIES.map(([name]) =>
    hours.map((hour, index) => {
      const count = changes.filter(({ to, at }) => {
        const time = Date.parse(at) / 1000;
        return to === name && time >= hour && time < hour + HOUR;
      }).length;
      sums[index] = (sums[index] ?? 0) + count;
      return sums[index] ?? 0;
    }),
  );
  // What is drawn last stands in front, so the highest comes first.
  return [hours, ...rows.reverse()] as uPlot.AlignedData;
}

export default function ChangesChart({ changes }: { readonly changes: readonly Change[] }) {
  const place = useChart(
    HEIGHT,
    useCallback(
      ({ colour, axis }: Paint) => {
        const bars = uPlot.paths.bars?.({ size: [0.7, 26] });
        return {
          data: stacked(changes),
          options: {
            scales: { y: { range: (_, __, max) => [0, Math.max(4, max)] } },
            axes: [
              { ...axis, grid: { show: false }, values: '{HH}:{mm}', size: 26 },
              {
                ...axis,
                grid: { stroke: colour('--line'), width: 1 },
                size: 34,
                incrs: [1, 2, 5, 10, 50, 100, 500],
              },
            ],
            series: [
              {},
              ...[...SERIES].reverse().map(([label, token]) => ({
                label,
                fill: colour(token),
                width: 0,
                points: { show: false },
                ...(bars && { paths: bars }),
              })),
            ],
          },
        };
      },
      [changes],
    ),
  );
  const told = SERIES.map(
    ([name]) => `${changes.filter(({ to }) => to === name).length} to ${name}`,
  ).join(', ');
  return (
    <figure className="stack tight">
      <div ref={place} className="chart" role="img" aria-label={`Changes an hour: ${told}`} />
      <figcaption className="legend quiet small">
        {SERIES.map(([name]) => (
          <span key={name}>
            <span className={`swatch is-${name}`} />
            to {name}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}
