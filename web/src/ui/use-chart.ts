import { type RefObject, useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { useIsDark } from '../lib/theme';

/** What a chart is painted with, in the theme of the page. */
export interface Paint {
  /** @param token a custom property, such as `--text-2` */
  readonly colour: (token: string) => string;
  /** What all axes have in common. */
  readonly axis: uPlot.Axis;
}

/** What a chart shows: everything but its size. */
export interface Chart {
  readonly options: Omit<uPlot.Options, 'width' | 'height'>;
  readonly data: uPlot.AlignedData;
}

/**
 * Keeps a chart in an element: as wide as that is, and painted anew with the theme.
 * @param describe kept by its caller (`useCallback`) as long as it shows the same
 */
export function useChart(
  height: number,
  describe: (paint: Paint) => Chart,
): RefObject<HTMLDivElement | null> {
  const place = useRef<HTMLDivElement>(null);
  const isDark = useIsDark();
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    // Resolved by the browser, as the tokens depend on the theme.
    const probe = document.createElement('span');
    element.append(probe);
    probe.style.colorScheme = isDark ? 'dark' : 'light';
    const colour = (token: string) => {
      probe.style.color = `var(${token})`;
      return getComputedStyle(probe).color;
    };
    const axis = { stroke: colour('--text-2'), font: '11px system-ui', ticks: { show: false } };
    const { options, data } = describe({ colour, axis });
    const size = () => ({ width: element.clientWidth, height });
    const still = { legend: { show: false }, cursor: { show: false } };
    const chart = new uPlot({ ...size(), ...still, ...options }, data, element);
    probe.remove();
    const observer = new ResizeObserver(() => chart.setSize(size()));
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.destroy();
    };
  }, [describe, height, isDark]);
  return place;
}
