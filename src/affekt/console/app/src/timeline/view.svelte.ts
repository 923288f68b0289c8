/** What chart, player and details of one timeline share: what part is seen, which moment, which reading. */
import { holding, type Range } from './range';

const EVERY = 150; // milliseconds between two changes of `shown` while something plays

export class View {
  readonly span: number;
  range = $state.raw<Range>({ from: 0, to: 1 });
  time = $state(0);
  shown = $state(0); // the time as the details tell it: less often, for each change writes much of the page anew
  picked = $state<number | null>(null); // number of a reading
  lane = $state<string | null>(null); // whose curves are drawn
  seek: ((time: number) => void) | null = null; // set by what plays
  private told = 0;

  constructor(span: number) {
    this.span = span;
    this.range = { from: 0, to: span };
  }

  /** Another moment, chosen by a person. */
  go(time: number, picked: number | null = null): void {
    const held = Math.min(this.span, Math.max(0, time));
    this.time = this.shown = held;
    this.picked = picked;
    this.range = holding(this.range, this.span, held);
    this.seek?.(held);
  }

  /** Another moment, since it plays on; `still`: it has come to rest there. */
  pass(time: number, still = false): void {
    this.time = time;
    this.picked = null;
    this.range = holding(this.range, this.span, time);
    const now = performance.now();
    if (!still && now - this.told < EVERY) return;
    this.told = now;
    this.shown = time;
  }
}
