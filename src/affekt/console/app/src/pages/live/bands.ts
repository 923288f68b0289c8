/**
 * Draws the last minute: a band for each person and modality. All is drawn once, where its time lies on a strip that is longer than what is
 * seen and whose end goes on at its begin; each frame then copies the part that is seen, so that an hour costs no more than a minute.
 */
import type { Reading } from '../../api/client';
import { disagrees } from '../../timeline/disagrees';
import { SHOWN, type Lane } from './board';

const AHEAD = 4; // seconds before now that are wiped, for readings may reach a little into what is to come
const FAINT = 0.35; // how much of its colour a band has at a confidence of 0
export const HEAD = 28; // CSS pixels: the name of a person
export const HEIGHT = { fused: 20, speech: 14, face: 14, text: 14 } as const;
const SPACE = 2;

export interface Paints {
  of(label: string | null): string;
  ink: string;
  unsure: string;
}

/** A lane and where it lies. */
export interface Placed {
  lane: Lane;
  head: boolean; // the first of a person
  top: number; // CSS pixels
  height: number;
}

/** Where lanes lie; and how high all are. */
export function placed(lanes: readonly Lane[]): { rows: Placed[]; height: number } {
  let top = 0;
  const rows = lanes.map((lane, at) => {
    const head = lane.who !== lanes[at - 1]?.who;
    if (head) top += HEAD;
    const row = { lane, head, top, height: HEIGHT[lane.modality] };
    top += row.height + SPACE;
    return row;
  });
  return { rows, height: top };
}

export class Bands {
  private readonly strip = document.createElement('canvas');
  private rows: readonly Placed[] = [];
  private scale = 1; // device pixels for a CSS pixel
  private second = 1; // device pixels
  private wiped = -Infinity; // device pixels from the begin of time, up to which the strip is empty or drawn
  private hatch: CanvasPattern | null = null;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private paints: Paints,
  ) {}

  /** Begins anew: other lanes, another size, or other colours. Args: width: CSS pixels. */
  arrange(rows: readonly Placed[], width: number, height: number, paints: Paints): void {
    [this.rows, this.paints, this.scale] = [rows, paints, Math.min(devicePixelRatio, 2)];
    this.second = Math.max(1, (width * this.scale) / SHOWN);
    [this.canvas.width, this.canvas.height] = [Math.round(width * this.scale), Math.max(1, Math.round(height * this.scale))];
    [this.strip.width, this.strip.height] = [Math.ceil((SHOWN + 2 * AHEAD) * this.second), this.canvas.height];
    this.hatch = this.hatched();
    this.wiped = -Infinity;
  }

  /** Draws what has changed, and shows the minute before now. */
  draw(now: number, marks: readonly { time: number }[]): void {
    const drawing = this.strip.getContext('2d')!;
    const end = Math.ceil((now + AHEAD) * this.second);
    const anew = this.wiped === -Infinity;
    if (anew) drawing.clearRect(0, 0, this.strip.width, this.strip.height);
    else this.pieces(this.wiped, end, (x, width) => drawing.clearRect(x, 0, width, this.strip.height));
    this.wiped = Math.max(this.wiped, end);
    for (const row of this.rows) {
      const dirty = anew ? ([now - SHOWN - AHEAD + 1, now + AHEAD] as const) : row.lane.dirty;
      row.lane.dirty = null;
      if (dirty) this.paint(drawing, row, Math.max(dirty[0], now - SHOWN - AHEAD + 1), Math.min(dirty[1], now + AHEAD));
    }
    this.show(now, marks);
  }

  private show(now: number, marks: readonly { time: number }[]): void {
    const shown = this.canvas.getContext('2d')!;
    const { width, height } = this.canvas;
    shown.clearRect(0, 0, width, height);
    const left = now * this.second - width;
    const first = Math.floor(left);
    this.pieces(first, first + width + 1, (x, wide, from) => shown.drawImage(this.strip, x, 0, wide, height, from - left, 0, wide, height));
    shown.fillStyle = this.paints.ink;
    for (const { time } of marks) {
      const x = Math.round(time * this.second - left);
      if (x >= 0) shown.fillRect(x, 0, this.scale, height);
    }
  }

  /** Draws one lane from one second to another. */
  private paint(drawing: CanvasRenderingContext2D, { lane, top, height }: Placed, start: number, end: number): void {
    if (end <= start) return;
    const [y, high] = [Math.round(top * this.scale), Math.round(height * this.scale)];
    const [from, to] = [Math.floor(start * this.second), Math.ceil(end * this.second)];
    this.pieces(from, to, (x, width) => drawing.clearRect(x, y, width, high));
    for (const reading of lane.readings) {
      const [begin, stop] = [Math.max(Math.floor(reading.start * this.second), from), Math.min(Math.ceil(reading.end * this.second), to)];
      if (stop > begin) this.pieces(begin, stop, (x, width) => this.fill(drawing, reading, x, y, width, high));
    }
    drawing.globalAlpha = 1;
  }

  private fill(drawing: CanvasRenderingContext2D, reading: Reading, x: number, y: number, width: number, high: number): void {
    const lower = reading.provisional ? Math.round(high / 2) : 0;
    drawing.globalAlpha = reading.abstained ? 0.9 : FAINT + (1 - FAINT) * reading.confidence;
    drawing.fillStyle = reading.abstained ? (this.hatch ?? this.paints.unsure) : this.paints.of(reading.top);
    drawing.fillRect(x, y + lower, width, high - lower);
    if (!disagrees(reading)) return;
    drawing.globalAlpha = 1;
    drawing.fillStyle = this.paints.ink;
    const line = Math.round(2 * this.scale);
    drawing.fillRect(x, y, width, line);
    drawing.fillRect(x, y + high - line, width, line);
  }

  /** The pieces of the strip that hold a stretch of time, in device pixels: where each lies on the strip, how wide it is, where it begins. */
  private pieces(from: number, to: number, use: (x: number, width: number, from: number) => void): void {
    const length = this.strip.width;
    for (let at = Math.max(from, to - length); at < to; ) {
      const x = ((at % length) + length) % length;
      const width = Math.min(to - at, length - x);
      use(x, width, at);
      at += width;
    }
  }

  private hatched(): CanvasPattern | null {
    const side = Math.round(6 * this.scale);
    const tile = document.createElement('canvas');
    [tile.width, tile.height] = [side, side];
    const drawing = tile.getContext('2d')!;
    drawing.strokeStyle = this.paints.unsure;
    drawing.lineWidth = this.scale;
    drawing.beginPath();
    for (const shift of [-side, 0, side]) {
      drawing.moveTo(shift, side);
      drawing.lineTo(shift + side, 0);
    }
    drawing.stroke();
    return drawing.createPattern(tile, 'repeat');
  }
}
