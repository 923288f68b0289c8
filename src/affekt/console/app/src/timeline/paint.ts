/** Draws lanes, waveform, events and marks on a canvas, for one range of time. */
import type { Event } from '../api/client';
import { colourOf, resolved } from '../labels.svelte';
import { visible, type Lane, type Lanes } from './lanes';
import { gridOf, type LaneLevels } from './levels';
import type { Peaks } from './peaks';
import type { Range } from './range';

export const ROW = 24; // of a lane, and so of what is pressed beside it
export const WAVE = 40;
const INSET = { fused: 2, other: 5 };
const WIDE = 6; // pixels a reading from which each is drawn by itself

export interface Row {
  lane: Lane;
  levels: LaneLevels;
  events: readonly Event[];
}

export interface Palette {
  labels: string[];
  none: string;
  ink: string;
  soft: string;
  line: string;
  warn: string;
  accent: string;
  hatch: CanvasPattern | null;
}

export function paletteOf(lanes: Lanes): Palette {
  const card = resolved('var(--card)');
  return {
    labels: lanes.labels.map(colourOf), none: resolved('var(--line-strong)'), ink: resolved('var(--ink)'), soft: resolved('var(--soft)'),
    line: resolved('var(--line)'), warn: resolved('var(--warn)'), accent: resolved('var(--accent)'), hatch: hatched(card),
  };
}

/** All of it. Args: picked: number of the reading that is framed. */
export function paint(
  context: CanvasRenderingContext2D,
  { rows, peaks, marks, range, width, picked, palette }: {
    rows: readonly Row[]; peaks: Peaks | null; marks: readonly number[]; range: Range; width: number; picked: number | null; palette: Palette;
  },
): void {
  const ratio = context.canvas.width / width;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, context.canvas.height / ratio);
  if (peaks) paintWave(context, peaks, range, width, palette);
  rows.forEach((row, at) => paintRow(context, row, (peaks ? WAVE : 0) + at * ROW, { range, width, picked, palette }));
  const scale = width / (range.to - range.from);
  context.fillStyle = palette.accent;
  for (const mark of marks) {
    if (mark >= range.from && mark <= range.to) context.fillRect(Math.round((mark - range.from) * scale), 0, 1.5, context.canvas.height / ratio);
  }
}

interface Seen {
  range: Range;
  width: number;
  picked: number | null;
  palette: Palette;
}

function paintRow(context: CanvasRenderingContext2D, row: Row, top: number, seen: Seen): void {
  const { lane } = row;
  const { range, width, palette } = seen;
  const inset = lane.modality === 'fused' ? INSET.fused : INSET.other;
  const [y, height] = [top + inset, ROW - 2 * inset];
  context.fillStyle = palette.line;
  context.fillRect(0, top + ROW / 2, width, 1);
  const [first, last] = visible(lane, range.from, range.to);
  if ((last - first) * WIDE < width) paintReadings(context, lane, first, last, y, height, seen);
  else paintColumns(context, row, y, height, seen);
  paintEvents(context, row.events, y, height, seen);
}

/** Each reading by itself. */
function paintReadings(context: CanvasRenderingContext2D, lane: Lane, first: number, last: number, y: number, height: number, seen: Seen): void {
  const { range, width, picked, palette } = seen;
  const scale = width / (range.to - range.from);
  for (let at = first; at < last; at++) {
    const left = (lane.starts[at]! - range.from) * scale;
    const wide = Math.max(2, (lane.ends[at]! - lane.starts[at]!) * scale - 1);
    fill(context, lane.tops[at]!, lane.unsure[at] === 1, left, y, wide, height, palette);
    if (lane.disagrees[at]) underline(context, left, y, wide, height, palette);
    if (lane.numbers[at] !== picked) continue;
    context.strokeStyle = palette.ink;
    context.lineWidth = 2;
    context.strokeRect(left, y - 1, wide, height + 2);
  }
}

/** Neighbouring columns of one label as one rectangle. */
function paintColumns(context: CanvasRenderingContext2D, row: Row, y: number, height: number, { range, width, palette }: Seen): void {
  const grid = gridOf(range.from, range.to, width);
  const { label, unsure, disagrees } = row.levels.columns(grid);
  const shift = Math.round((grid.start - range.from) / grid.step); // whole pixels: rectangles with soft edges show seams
  for (let begin = 0, at = 1; at <= grid.count; at++) {
    if (at < grid.count && label[at] === label[begin] && unsure[at] === unsure[begin]) continue;
    if (label[begin]! >= 0) fill(context, label[begin]!, unsure[begin] === 1, begin + shift, y, at - begin, height, palette);
    begin = at;
  }
  for (let at = 0; at < grid.count; at++) {
    if (disagrees[at]) underline(context, at + shift, y, 1, height, palette);
  }
}

function fill(
  context: CanvasRenderingContext2D, label: number, unsure: boolean, x: number, y: number, width: number, height: number, palette: Palette,
): void {
  context.fillStyle = palette.labels[label] ?? palette.none;
  context.fillRect(x, y, width, height);
  if (!unsure || !palette.hatch) return;
  context.fillStyle = palette.hatch;
  context.fillRect(x, y, width, height);
}

/** Where modalities disagree. */
function underline(context: CanvasRenderingContext2D, x: number, y: number, width: number, height: number, palette: Palette): void {
  context.fillStyle = palette.ink;
  context.fillRect(x, y + height - 3, width, 3);
}

/** Events as hills from onset to offset; those too narrow to be seen are left out. */
function paintEvents(context: CanvasRenderingContext2D, events: readonly Event[], y: number, height: number, { range, width, palette }: Seen): void {
  const scale = width / (range.to - range.from);
  const x = (time: number) => (time - range.from) * scale;
  context.strokeStyle = palette.ink;
  context.lineWidth = 1;
  for (const { onset, apex, offset } of events) {
    if (onset > range.to) break;
    if (offset < range.from || (offset - onset) * scale < 6) continue;
    context.beginPath();
    context.moveTo(x(onset), y + height);
    context.lineTo(x(apex), y + 1);
    context.lineTo(x(offset), y + height);
    context.stroke();
  }
}

function paintWave(context: CanvasRenderingContext2D, peaks: Peaks, range: Range, width: number, palette: Palette): void {
  context.fillStyle = palette.soft;
  const step = (range.to - range.from) / width;
  for (let x = 0; x < width; x++) {
    const high = Math.max(1, peaks.between(range.from + x * step, range.from + (x + 1) * step) * (WAVE - 6));
    context.fillRect(x, (WAVE - high) / 2, 1, high);
  }
}

/** Stripes in the colour of what lies behind: what is not sure looks thinner. */
function hatched(colour: string): CanvasPattern | null {
  const tile = document.createElement('canvas');
  tile.width = tile.height = 6;
  const context = tile.getContext('2d')!;
  context.strokeStyle = colour;
  context.lineWidth = 2.2;
  for (const shift of [-6, 0, 6]) {
    context.moveTo(shift - 1, 7);
    context.lineTo(shift + 7, -1);
  }
  context.stroke();
  return context.createPattern(tile, 'repeat');
}
