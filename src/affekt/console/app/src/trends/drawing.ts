/** A chart of days with uPlot: curves with their 95 % bands; days that rest on one session are hollow and their bands dashed. */
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { Curve } from './days';

export interface Drawn {
  name: string;
  colour: string;
  curve: Curve;
}
export interface Look {
  range: [number, number];
  ink: string;
  line: string;
  back: string;
  font: string;
  value: (value: number) => string;
  day: (at: Date, long: boolean) => string;
}

const BAND = 0.13; // how much of a band covers what is under it
const WHISKER = 0.55;
const POINT = 3; // pixels
const DAY = 86_400;
const TICK = 64; // pixels between days that are named

/** Draws curves into an element. Args: at, the days; chosen, called with the place of the day under the pointer, or null. */
export function draw(
  element: HTMLElement, at: readonly Date[], drawn: readonly Drawn[], look: Look, size: { width: number; height: number },
  on: { chosen: (place: number | null) => void; opened: (place: number) => void },
): uPlot {
  const times = at.map((day) => day.getTime() / 1000);
  const data: uPlot.AlignedData = [times, ...drawn.flatMap(({ curve }) => [curve.high, curve.mean, curve.low])];
  const series: uPlot.Series[] = [{}, ...drawn.flatMap(seriesOf)];
  const bands = drawn.map(({ colour }, index) => ({ series: [index * 3 + 1, index * 3 + 3] as uPlot.Band.Bounds, fill: faded(colour, BAND) }));
  const [first = 0, last = 0] = [times[0], times.at(-1)];
  const margin = Math.max(DAY / 2, (last - first) * 0.015);
  const plot = new uPlot({
    ...size,
    series,
    bands,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
    scales: { x: { time: true, range: () => [first - margin, last + margin] }, y: { range: () => look.range } },
    axes: axesOf(look),
    hooks: {
      draw: [(self) => drawn.forEach(({ curve, colour }) => marks(self, curve, colour, look.back))],
      setCursor: [(self) => on.chosen(self.cursor.idx ?? null)],
    },
  }, data, element);
  plot.over.addEventListener('click', () => typeof plot.cursor.idx === 'number' && on.opened(plot.cursor.idx));
  return plot;
}

function seriesOf({ colour }: Drawn): uPlot.Series[] {
  const edge: uPlot.Series = { points: { show: false }, stroke: 'transparent', width: 0, spanGaps: false };
  return [edge, { stroke: colour, width: 2, points: { show: false }, spanGaps: false }, edge];
}

function axesOf(look: Look): uPlot.Axis[] {
  const both = { stroke: look.ink, font: look.font, ticks: { show: false } };
  return [
    { ...both, grid: { show: false }, size: 30, space: TICK, incrs: [1, 2, 3, 7, 14, 28, 56, 91, 182, 364].map((days) => days * DAY), splits: splitsOf, values: (_, splits) => splits.map((one) => look.day(new Date(one * 1000), false)) },
    { ...both, grid: { stroke: look.line, width: 1 }, size: 48, space: 34, values: (_, splits) => splits.map(look.value) },
  ];
}

/** Days at which the axis is named: midnights, also where clocks are changed. */
function splitsOf(_plot: uPlot, _axis: number, low: number, high: number, step: number): number[] {
  const begin = new Date(low * 1000);
  const days = Math.max(1, Math.round(step / DAY));
  const found: number[] = [];
  for (let ahead = 1; ; ahead += days) {
    const one = new Date(begin.getFullYear(), begin.getMonth(), begin.getDate() + ahead).getTime() / 1000;
    if (one > high) return found;
    found.push(one);
  }
}

/** Points of the days; where a day rests on the readings of one session, hollow ones with a dashed whisker. */
function marks(plot: uPlot, curve: Curve, colour: string, back: string): void {
  const { ctx } = plot;
  const pixels = devicePixelRatio;
  ctx.save();
  ctx.strokeStyle = colour;
  curve.mean.forEach((mean, index) => {
    if (mean === null) return;
    const x = Math.round(plot.valToPos(plot.data[0][index]!, 'x', true));
    const y = (value: number) => plot.valToPos(value, 'y', true);
    const [low, high, alone] = [curve.low[index], curve.high[index], curve.alone[index] === true];
    ctx.lineWidth = 1.5 * pixels;
    const beside = curve.mean[index - 1] != null || curve.mean[index + 1] != null; // then the band tells it
    if (low != null && high != null && (alone || !beside)) {
      ctx.globalAlpha = WHISKER;
      ctx.setLineDash(alone ? [3 * pixels, 3 * pixels] : []);
      ctx.beginPath();
      ctx.moveTo(x, y(low));
      ctx.lineTo(x, y(high));
      ctx.stroke();
    }
    ctx.globalAlpha = 1;
    ctx.setLineDash([]);
    ctx.fillStyle = alone ? back : colour;
    ctx.beginPath();
    ctx.arc(x, y(mean), POINT * pixels, 0, 2 * Math.PI);
    ctx.fill();
    ctx.stroke();
  });
  ctx.restore();
}

function faded(colour: string, share: number): string {
  return `color-mix(in srgb, ${colour} ${share * 100}%, transparent)`;
}
