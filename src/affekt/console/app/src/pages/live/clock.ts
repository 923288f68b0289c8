/** When sound was heard: what follows on needs no time, what comes after a gap does. */

const SLACK = 0.15; // seconds; the server takes less for arrival that jitters
const WINDOW = 25; // frames, a second, whose promptest tells how the sound lies on the clock of the page

export class SoundClock {
  private end = NaN; // seconds up to which sound has come
  private lags: number[] = [];

  /** The time to send a frame with, NaN: it follows on. Args: now: seconds at which it came. length: seconds. */
  time(now: number, length: number): number {
    const begin = Math.max(now - length, 0);
    if (Number.isNaN(this.end)) return this.place(begin, length);
    this.lags.push(begin - this.end);
    if (this.lags.length > WINDOW) this.lags.shift();
    const lag = Math.min(...this.lags);
    if (this.lags.length === WINDOW && lag > SLACK) return this.place(this.end + lag, length);
    this.end += length;
    return NaN;
  }

  /** What comes next comes after a pause. */
  pause(): void {
    this.lags = Array<number>(WINDOW).fill(Infinity);
  }

  /** Where sound ends that has come; NaN: none has. */
  get heard(): number {
    return this.end;
  }

  private place(begin: number, length: number): number {
    this.lags = [];
    this.end = begin + length;
    return begin;
  }
}
