/**
 * All final readings of a stream, for the case that its timeline never comes. Those of faces, of which there are many thousands an hour,
 * are kept as rows of numbers: about 100 bytes each instead of 1,000.
 */
import type { Event, Reading } from '../../api/client';

const ROWS = 1024; // of a block
const NUMBERS = ['clarity', 'valence', 'arousal', 'dominance'] as const;

export class Kept {
  events: Event[] = [];
  private others: Reading[] = [];
  private faces: Faces | null = null;

  /** Keeps a reading; a fused one takes the place of those of the same person that begin in its stretch. */
  add(reading: Reading): void {
    if (reading.provisional) return;
    if (reading.modality === 'face') {
      this.faces ??= new Faces(Object.keys(reading.scores));
      if (this.faces.fits(reading)) this.faces.add(reading);
      else this.others.push(reading);
      return;
    }
    if (reading.modality === 'fused') this.replace(reading);
    this.others.push(reading);
  }

  get count(): number {
    return this.others.length + (this.faces?.count ?? 0);
  }

  /** All of them, in order of time. */
  readings(): Reading[] {
    return [...this.others, ...(this.faces?.all() ?? [])].sort((one, other) => one.start - other.start || one.end - other.end);
  }

  private replace({ who, start, end }: Reading): void {
    for (let at = this.others.length - 1; at >= 0 && this.others[at]!.end > start - 120; at -= 1) {
      const one = this.others[at]!;
      if (one.modality === 'fused' && one.who === who && one.start >= start && one.start < end) this.others.splice(at, 1);
    }
  }
}

/** Readings of faces as columns. */
class Faces {
  count = 0;
  private blocks: { times: Float64Array; numbers: Float32Array; words: Int32Array }[] = [];
  private words: string[] = [];
  private places = new Map<string, number>();
  private readonly width: number;

  constructor(private readonly labels: string[]) {
    this.width = NUMBERS.length + 4 + labels.length;
  }

  /** Whether nothing of a reading would be lost. */
  fits(reading: Reading): boolean {
    const { span, heard, shares, spread, disagreement, between, words, box, scores } = reading;
    const rare = [span, heard, shares, spread, disagreement, between, words];
    return rare.every((value) => value === null) && box !== null && Object.keys(scores).join() === this.labels.join();
  }

  add(reading: Reading): void {
    const row = this.count % ROWS;
    if (row === 0) this.blocks.push({ times: new Float64Array(2 * ROWS), numbers: new Float32Array(this.width * ROWS), words: new Int32Array(ROWS) });
    const { times, numbers, words } = this.blocks.at(-1)!;
    times.set([reading.start, reading.end], 2 * row);
    numbers.set([...NUMBERS.map((name) => reading[name] ?? NaN), ...reading.box!, ...this.labels.map((label) => reading.scores[label]!)], this.width * row);
    const { who, labels, single, top, present, abstained, reason, model } = reading;
    words[row] = this.place(JSON.stringify({ who, labels, single, top, present, abstained, reason, model }));
    this.count += 1;
  }

  *all(): Generator<Reading> {
    for (let at = 0; at < this.count; at += 1) {
      const [block, row] = [this.blocks[Math.floor(at / ROWS)]!, at % ROWS];
      const [start, end] = block.times.subarray(2 * row);
      const numbers = [...block.numbers.subarray(this.width * row, this.width * (row + 1))].map((value) => (Number.isNaN(value) ? null : Number(value.toFixed(4))));
      const scores = Object.fromEntries(this.labels.map((label, index) => [label, numbers[NUMBERS.length + 4 + index]!]));
      const [clarity, valence, arousal, dominance] = numbers as [number, number, number, number];
      const said = JSON.parse(this.words[block.words[row]!]!) as Pick<Reading, 'who' | 'labels' | 'single' | 'top' | 'present' | 'abstained' | 'reason' | 'model'>;
      const box = numbers.slice(NUMBERS.length, NUMBERS.length + 4) as number[];
      const none = { span: null, heard: null, spread: null, shares: null, disagreement: null, between: null, words: null };
      const confidence = Math.max(0, ...Object.values(scores));
      yield { modality: 'face', start: start!, end: end!, scores, confidence, clarity, valence, arousal, dominance, box, provisional: false, ...said, ...none };
    }
  }

  private place(word: string): number {
    let place = this.places.get(word);
    if (place === undefined) {
      place = this.words.push(word) - 1;
      this.places.set(word, place);
    }
    return place;
  }
}
