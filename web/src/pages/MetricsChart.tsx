import { useCallback } from 'react';
import uPlot from 'uplot';
import { type Paint, useChart } from '../ui/use-chart';
import { DAY_MS, FIGURES, type Figure, type Samples } from './metrics';

const HEIGHT = 190;
/** More would hide the line. */
const MAX_DOTS = 32;
const number = new Intl.NumberFormat('en', { maximumFractionDigits: 2 });
const short = new Intl.NumberFormat('en', { notation: 'compact' });

interface Point {
  readonly at: number;
  readonly value: number | null;
}

/** One figure from when on; the last value holds to the end. */
function pointsOf({ from, to, samples }: Samples, figure: Figure): readonly Point[] {
  const points = samples.map((sample) => ({
    at: Math.max(from, Date.parse(sample.at)) / 1_000,
    value: sample[figure],
  }));
  const last = points.at(-1);
  return last === undefined ? [] : [...points, { at: to / 1_000, value: last.value }];
}

/** The figure over time, for people who do not see the chart. */
function told(label: string, unit: string, points: readonly Point[]): string {
  const values = points.flatMap(({ value }) => (value === null ? [] : [value]));
  const [first, last] = [values[0], values.at(-1)];
  if (first === undefined || last === undefined) return `${label}: not reported`;
  const text = (value: number) => number.format(value) + unit;
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return `${label}: ${text(first)} at first, between ${text(low)} and ${text(high)}, ${text(last)} now`;
}

/** A step line: the provider's value holds until it reports another, and nothing is interpolated. */
export default function MetricsChart({
  samples,
  figure,
}: {
  readonly samples: Samples;
  readonly figure: Figure;
}) {
  const [, label, unit] = FIGURES.find(([name]) => name === figure) ?? FIGURES[0];
  const place = useChart(
    HEIGHT,
    useCallback(
      ({ colour, axis }: Paint) => {
        const points = pointsOf(samples, figure);
        const dates = samples.to - samples.from > 2 * DAY_MS ? '{D} {MMM}' : '{D} {MMM} {HH}:{mm}';
        const stepped = uPlot.paths.stepped?.({ align: 1 });
        return {
          data: [points.map(({ at }) => at), points.map(({ value }) => value)],
          options: {
            scales: { x: { range: () => [samples.from / 1_000, samples.to / 1_000] } },
            axes: [
              { ...axis, grid: { show: false }, values: dates, space: 90, size: 26 },
              {
                ...axis,
                grid: { stroke: colour('--line'), width: 1 },
                size: 52,
                space: 28,
                values: (_, splits) => splits.map((value) => short.format(value) + unit),
              },
            ],
            series: [
              {},
              {
                stroke: colour('--accent'),
                width: 2,
                points: { show: points.length <= MAX_DOTS, size: 6, fill: colour('--accent') },
                ...(stepped && { paths: stepped }),
              },
            ],
          },
        };
      },
      [samples, figure, unit],
    ),
  );
  const name = told(label, unit, pointsOf(samples, figure));
  return (
    <div ref={place} className="chart" role="img" aria-label={name} style={{ height: HEIGHT }} />
  );
}
