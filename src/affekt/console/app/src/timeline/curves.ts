/** The curves under the lanes, drawn by uPlot in step with them. */
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { colourOf, resolved } from '../labels.svelte';
import { clock, number } from '../words/index.svelte';
import type { CurveLevels } from './levels';
import type { Range } from './range';

export const HEIGHT = 170; // with the axis of time
const AXIS = 28;
const STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200]; // as a clock has them
const DASH = [5, 3];
const WIDTH = 1.5;
const EDGE = 36; // pixels at the right on which no time is written: it would be cut

export interface Curves {
  draw(range: Range, width: number): void;
  destroy(): void;
}

/** Curves of valence, arousal and one label in an element. Args: levels: of these three; label: whose colour the third has. */
export function curvesIn(
  element: HTMLElement,
  { levels, label, seconds, width, font }: { levels: readonly CurveLevels[]; label: string | null; seconds: boolean; width: number; font: string },
): Curves {
  const [soft, line] = [resolved('var(--soft)'), resolved('var(--line)')];
  const told = (value: number, step: number) => (seconds ? clock(value, step >= 1 ? 0 : step >= 0.1 ? 1 : 2) : number(value));
  const grid = { stroke: line, width: 1 };
  const plot = new uPlot(
    {
      width, height: HEIGHT, legend: { show: false }, cursor: { show: false, drag: { x: false, y: false } }, padding: [6, 0, 0, 0],
      scales: { x: { time: false, range: (_plot, low, high) => [low, high] }, y: { range: [-1, 1] } },
      axes: [
        { stroke: soft, grid, ticks: grid, font, size: AXIS, space: 80, align: 1, ...(seconds && { incrs: STEPS }), values: (shown, splits) => splits.map((at) => (shown.valToPos(at, 'x') > shown.width - EDGE ? '' : told(at, (splits[1] ?? 1) - (splits[0] ?? 0)))) },
        { size: 0, grid, ticks: { show: false }, splits: () => [-1, -0.5, 0, 0.5, 1], values: (_plot, splits) => splits.map(() => '') },
      ],
      series: [
        {},
        { stroke: resolved('var(--accent)'), width: WIDTH, points: { show: false } },
        { stroke: resolved('var(--warn)'), width: WIDTH, points: { show: false }, dash: DASH },
        { stroke: colourOf(label), width: WIDTH, points: { show: false } },
      ],
    },
    [[0, 1], [null, null], [null, null], [null, null]],
    element,
  );
  let wide = width;
  return {
    draw(range, now) {
      if (now !== wide) plot.setSize({ width: (wide = now), height: HEIGHT });
      const made = levels.map((level) => level.points(range.from, range.to, now));
      const dense = made[0]!.times.length > now / 2;
      for (const series of plot.series.slice(1)) series.width = dense ? 1 : WIDTH; // hairlines are drawn many times as fast
      plot.series[2]!.dash = dense ? [] : DASH;
      plot.batch(() => {
        plot.setData([made[0]!.times, ...made.map((one) => one.values)] as uPlot.AlignedData, false);
        plot.setScale('x', { min: range.from, max: range.to });
      });
    },
    destroy: () => plot.destroy(),
  };
}
