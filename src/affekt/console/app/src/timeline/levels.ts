/**
 * What is drawn of a lane: of each pixel column the label that it shows longest, and the lowest and highest of a curve.
 * Where many readings fall on a column, they come from levels: sums over stretches of equal length, made once, each level of half as many.
 */
import { readingOf, visible, type Lane } from './lanes';
import type { Timeline } from '../api/client';

const FEWEST = 512; // stretches of the coarsest level
const FINE = 8; // stretches a column: one on its edge may fall to the neighbour
const NONE = -1;

/** The columns of what is seen; they lie on a fixed grid, so that panning does not make them flicker. */
export interface Grid {
  start: number; // of the first column
  step: number;
  count: number;
}

export function gridOf(from: number, to: number, pixels: number): Grid {
  const step = (to - from) / Math.max(1, pixels);
  return { start: Math.floor(from / step) * step, step, count: Math.max(1, pixels) + 1 };
}

/** By column: index of the label that is shown longest, or -1; whether most of that is unsure; whether any disagrees. */
export interface Columns {
  label: Int16Array;
  unsure: Uint8Array;
  disagrees: Uint8Array;
}

interface Level {
  step: number;
  count: number;
  sums: Float32Array; // duration by stretch and label; after the labels those of unsure, and of none
  disagrees: Uint8Array;
}

/** Shares of a lane's columns; made once for a lane. */
export class LaneLevels {
  private readonly width: number; // numbers a stretch
  private readonly levels: Level[] = [];
  private sums = new Float32Array(0);
  private out: Columns = { label: new Int16Array(0), unsure: new Uint8Array(0), disagrees: new Uint8Array(0) };

  constructor(private readonly lane: Lane, private readonly labels: number, private readonly span: number) {
    this.width = labels + 2;
  }

  /** The columns of a grid; they are overwritten by the next call. */
  columns(grid: Grid): Columns {
    const { width } = this;
    if (this.out.label.length < grid.count) {
      this.sums = new Float32Array(grid.count * width);
      this.out = { label: new Int16Array(grid.count), unsure: new Uint8Array(grid.count), disagrees: new Uint8Array(grid.count) };
    }
    this.sums.fill(0, 0, grid.count * width);
    this.out.disagrees.fill(0, 0, grid.count);
    const level = this.levelFor(grid);
    if (level) this.sumLevel(level, grid);
    else sumReadings(this.lane, this.labels, grid, this.sums, this.out.disagrees);
    this.judge(grid.count);
    return this.out;
  }

  /** The coarsest level with at least `FINE` stretches a column; none: the readings themselves are few enough. */
  private levelFor(grid: Grid): Level | null {
    const [first, last] = visible(this.lane, grid.start, grid.start + grid.step * grid.count);
    if (last - first <= grid.count * FINE) return null;
    if (!this.levels.length) this.build();
    return this.levels.findLast((level) => level.step * FINE <= grid.step) ?? null;
  }

  private build(): void {
    let count = FEWEST;
    while (count < this.lane.size) count *= 2;
    const sums = new Float32Array(count * this.width);
    const disagrees = new Uint8Array(count);
    const step = this.span / count;
    sumReadings(this.lane, this.labels, { start: 0, step, count }, sums, disagrees);
    this.levels.push({ step, count, sums, disagrees });
    while (this.levels.at(-1)!.count > FEWEST) this.levels.push(halved(this.levels.at(-1)!, this.width));
  }

  private sumLevel(level: Level, grid: Grid): void {
    const { sums, width } = this;
    const begin = Math.max(0, Math.floor(grid.start / level.step));
    const end = Math.min(level.count, Math.ceil((grid.start + grid.step * grid.count) / level.step));
    for (let at = begin; at < end; at++) {
      const column = Math.floor(((at + 0.5) * level.step - grid.start) / grid.step);
      if (column < 0 || column >= grid.count) continue;
      const [from, onto] = [at * width, column * width];
      for (let part = 0; part < width; part++) sums[onto + part]! += level.sums[from + part]!;
      this.out.disagrees[column]! |= level.disagrees[at]!;
    }
  }

  private judge(count: number): void {
    const { sums, width, labels, out } = this;
    for (let column = 0, at = 0; column < count; column++, at += width) {
      let best = NONE;
      let most = 0;
      let total = sums[at + labels + 1]!;
      for (let label = 0; label < labels; label++) {
        const sum = sums[at + label]!;
        total += sum;
        if (sum > most) [best, most] = [label, sum];
      }
      out.label[column] = best;
      out.unsure[column] = sums[at + labels]! * 2 > total ? 1 : 0;
    }
  }
}

/** Adds the durations of readings to the columns that they lie on. A reading of no length counts for a thousandth of a column. */
function sumReadings(lane: Lane, labels: number, grid: Grid, sums: Float32Array, disagrees: Uint8Array): void {
  const { start, step, count } = grid;
  const width = labels + 2;
  const [first, last] = visible(lane, start, start + step * count);
  for (let at = first; at < last; at++) {
    const [begin, end] = [(lane.starts[at]! - start) / step, (lane.ends[at]! - start) / step];
    const part = lane.tops[at]! < 0 ? labels + 1 : lane.tops[at]!;
    const final = Math.min(count - 1, Math.max(Math.ceil(end) - 1, Math.floor(begin)));
    for (let column = Math.max(0, Math.floor(begin)); column <= final; column++) {
      const held = Math.max(1e-3, Math.min(end, column + 1) - Math.max(begin, column)) * step;
      sums[column * width + part]! += held;
      if (lane.unsure[at]) sums[column * width + labels]! += held;
      disagrees[column]! |= lane.disagrees[at]!;
    }
  }
}

function halved(finer: Level, width: number): Level {
  const count = finer.count / 2;
  const sums = new Float32Array(count * width);
  const disagrees = new Uint8Array(count);
  for (let at = 0; at < count; at++) {
    for (let part = 0; part < width; part++) {
      sums[at * width + part] = finer.sums[2 * at * width + part]! + finer.sums[(2 * at + 1) * width + part]!;
    }
    disagrees[at] = finer.disagrees[2 * at]! | finer.disagrees[2 * at + 1]!;
  }
  return { step: finer.step * 2, count, sums, disagrees };
}

/** What a curve shows: a dimension, or the score of a label. */
export type Curve = 'valence' | 'arousal' | 'dominance' | { label: string };

/** Lowest and highest value of a curve in blocks of neighbouring readings, each level of half as many. */
export class CurveLevels {
  private readonly lows: Float32Array[] = [];
  private readonly highs: Float32Array[] = [];

  constructor(private readonly lane: Lane, timeline: Timeline, curve: Curve) {
    const values = new Float32Array(lane.size);
    for (let at = 0; at < lane.size; at++) {
      const reading = readingOf(timeline, lane.numbers[at]!)!;
      values[at] = (typeof curve === 'string' ? reading[curve] : reading.scores[curve.label]) ?? NaN;
    }
    this.lows.push(values);
    this.highs.push(values);
    while (this.lows.at(-1)!.length > FEWEST) {
      this.lows.push(paired(this.lows.at(-1)!, Math.min));
      this.highs.push(paired(this.highs.at(-1)!, Math.max));
    }
  }

  /**
   * Points of the curve between two times, at most about four a pixel: values by their times, `null` where nothing was read.
   * Every curve of one lane has the same times.
   */
  points(from: number, to: number, pixels: number): { times: number[]; values: (number | null)[] } {
    const { lane } = this;
    const [first, last] = visible(lane, from, to);
    const level = Math.min(this.lows.length - 1, Math.max(0, Math.ceil(Math.log2((last - first) / (2 * Math.max(1, pixels))))));
    const points = { times: [] as number[], values: [] as (number | null)[] };
    const gap = (to - from) / Math.max(1, pixels);
    for (let at = first >> level; at << level < last; at++) this.add(points, level, at, gap);
    return points;
  }

  /** Adds a block; one over a long time, as around a silence, in its halves. */
  private add(points: { times: number[]; values: (number | null)[] }, level: number, at: number, gap: number): void {
    const { lane } = this;
    const next = Math.min(lane.size, (at + 1) << level);
    if (at << level >= next) return;
    const start = lane.starts[at << level]!;
    const end = lane.reach[next - 1]!;
    if (level > 0 && end - start > 4 * gap) {
      this.add(points, level - 1, 2 * at, gap);
      this.add(points, level - 1, 2 * at + 1, gap);
      return;
    }
    const { times, values } = points;
    const before = times.at(-1) ?? start;
    if (start - before > gap) {
      times.push((before + start) / 2);
      values.push(null);
    }
    times.push(Math.max(start, before), Math.max(end, before)); // they do not go back, also where readings overlap
    values.push(told(this.lows[level]![at]!), told(this.highs[level]![at]!));
  }
}

function paired(finer: Float32Array, choose: (one: number, other: number) => number): Float32Array {
  const made = new Float32Array(Math.ceil(finer.length / 2));
  for (let at = 0; at < made.length; at++) {
    const [one, other] = [finer[2 * at]!, finer[2 * at + 1] ?? NaN];
    made[at] = Number.isNaN(one) ? other : Number.isNaN(other) ? one : choose(one, other);
  }
  return made;
}

function told(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
