import { useCallback } from 'react';
import type uPlot from 'uplot';
import { type Paint, useChart } from '../ui/use-chart';
import { boundsOf, type Level, type Range, type Series } from './levels';

/** From the bottom: what somebody has to look at first. */
const LAYERS = [
  ['unhealthy', '--bad-fill'],
  ['warning', '--warn-fill'],
  ['unknown', '--hatch'],
  ['healthy', '--ok-fill'],
] as const;
const HATCH_PX = 6;
const percent = new Intl.NumberFormat('en', { style: 'percent', maximumFractionDigits: 1 });

/**
 * Each level for as long as its hour or day; nothing where nobody looked. First where anything is
 * known at all, then the layers, the highest first, as what is drawn last stands in front.
 */
function dataOf({ levels }: Series, range: Range): { data: uPlot.AlignedData; most: number } {
  const { from, to, stepMs } = boundsOf(range);
  const known = new Map(levels.map((level) => [Date.parse(level.at), level]));
  const most = Math.max(4, ...levels.map(({ total }) => total));
  const times: number[] = [];
  const background: (number | null)[] = [];
  const sums: (number | null)[][] = LAYERS.map(() => []);
  for (let at = from; at < to; at += stepMs) {
    const level = known.get(at);
    // Drawn flat, from its beginning to the next.
    for (const edge of [at, at + stepMs - 1_000]) {
      times.push(edge / 1_000);
      background.push(level === undefined ? null : most);
      let sum = 0;
      for (const [index, [name]] of LAYERS.entries()) {
        sum += level?.[name] ?? 0;
        sums[index]?.push(level === undefined ? null : sum);
      }
    }
  }
  return { data: [times, background, ...sums.reverse()] as uPlot.AlignedData, most };
}

const shareOf = ({ healthy, total }: Level) =>
  total === 0 ? 'no account' : `${percent.format(healthy / total)} of ${total} healthy`;

/** How many accounts were how over time, for people who do not see the chart. */
function told({ name, levels }: Series): string {
  const [first, last] = [levels[0], levels.at(-1)];
  if (first === undefined || last === undefined) return `${name}: not known yet`;
  const worst = levels.reduce((one, other) =>
    other.healthy * one.total < one.healthy * other.total ? other : one,
  );
  return `${name}: ${shareOf(first)} at ${first.at}, ${shareOf(worst)} at the lowest, ${shareOf(last)} now`;
}

export default function LevelsChart({
  series,
  range,
  height,
}: {
  readonly series: Series;
  readonly range: Range;
  readonly height: number;
}) {
  const place = useChart(
    height,
    useCallback(
      ({ colour, axis }: Paint) => {
        const fills = LAYERS.map(([, token]) =>
          token === '--hatch'
            ? hatch(colour('--unknown-soft'), colour('--line-strong'))
            : colour(token),
        ).reverse();
        const { data, most } = dataOf(series, range);
        const { from, to } = boundsOf(range);
        return {
          data,
          options: {
            drawOrder: ['series', 'axes'] as uPlot.DrawOrderKey[],
            scales: { x: { range: () => [from / 1_000, to / 1_000] }, y: { range: [0, most] } },
            axes: [
              {
                ...axis,
                grid: { show: false },
                values: range === '24h' ? '{HH}:{mm}' : '{D} {MMM}',
                space: 60,
                size: 26,
              },
              {
                ...axis,
                grid: { stroke: colour('--line'), width: 1 },
                size: 40,
                space: 24,
                values: (_, splits) =>
                  splits.map((value) =>
                    Number.isInteger(value) ? value.toLocaleString('en') : '',
                  ),
              },
            ],
            series: [
              {},
              ...[colour('--bg-raised'), ...fills].map((fill) => ({
                fill: () => fill,
                width: 0,
                points: { show: false },
              })),
            ],
          },
        };
      },
      [series, range],
    ),
  );
  return (
    <div
      ref={place}
      className="chart levels"
      role="img"
      aria-label={told(series)}
      style={{ height }}
    />
  );
}

/** What cannot be told is hatched. */
function hatch(ground: string, line: string): CanvasPattern | string {
  const tile = document.createElement('canvas');
  tile.width = HATCH_PX;
  tile.height = HATCH_PX;
  const pen = tile.getContext('2d');
  if (pen === null) return line;
  pen.fillStyle = ground;
  pen.fillRect(0, 0, HATCH_PX, HATCH_PX);
  pen.strokeStyle = line;
  pen.lineWidth = 1.5;
  for (const shift of [-HATCH_PX, 0, HATCH_PX]) {
    pen.moveTo(shift, HATCH_PX);
    pen.lineTo(shift + HATCH_PX, 0);
  }
  pen.stroke();
  return pen.createPattern(tile, 'repeat') ?? line;
}
