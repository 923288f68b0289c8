/**
 * One live view, read by one stream or by several after one another: another one begins where a pause was longer than a stream may have, where
 * a stream has become too long, and where one was lost. Times are those of the view throughout.
 */
import type { Reading } from '../../api/client';
import { Stream, type Failure, type Listener, type State } from '../../stream/client';
import type { Wanted } from '../../stream/messages';
import { RATE } from '../../capture/sound';
import { SoundClock } from './clock';
import { Kept } from './kept';
import { nameIn, type Part } from './timeline';

const GAP = 600; // seconds between two inputs of one kind, until the server has said how many it takes
const MARGIN = 10; // seconds
const PATIENCE = 45_000; // milliseconds for the last readings

/** What the view is told. `failed`: the stream is over and no other one began. */
export interface Telling {
  state(state: State): void;
  reading(reading: Reading): void;
  warning(text: string): void;
  failed(failure: Failure): void;
}

interface Leg extends Part {
  stream: Stream;
  clock: SoundClock;
  heard: number; // seconds of the view at which sound and pictures came last
  seen: number;
  over: Promise<void>;
}

export class Legs {
  private legs: Leg[] = [];
  private given: ReadonlySet<string>;

  constructor(
    private readonly url: () => string,
    private readonly wanted: Wanted,
    private readonly telling: Telling,
    private readonly now: () => number,
    private readonly Socket: typeof WebSocket = WebSocket,
  ) {
    this.given = new Set(wanted.who ? [wanted.who] : []);
    this.goOn();
  }

  /** Begins another stream; the one before, where it runs, is read to its end. */
  goOn(): void {
    const before = this.legs.at(-1);
    if (before) {
      before.end = this.now();
      before.stream.end();
    }
    this.legs.push(this.leg(before?.kept.count ? before.number + 1 : (before?.number ?? 1)));
  }

  /** Sound that has just been heard. */
  sound(samples: Int16Array): void {
    const leg = this.current('heard');
    leg.stream.sound(leg.clock.time(this.now() - leg.offset, samples.length / RATE), samples);
  }

  /** Sound comes no more for a while. */
  pause(): void {
    this.legs.at(-1)!.clock.pause();
  }

  /** A picture. Args: at: when it was taken, seconds of the view. */
  picture(at: number, picture: ArrayBuffer): void {
    const last = this.legs.at(-1)!.seen;
    if (at <= last) return;
    const leg = this.current('seen', at);
    if (at >= leg.offset) leg.stream.picture(at - leg.offset, picture);
  }

  words(start: number, end: number, text: string, who: string): void {
    const leg = this.legs.at(-1)!;
    if (who) this.given = new Set([...this.given, who]);
    leg.stream.words(Math.max(start - leg.offset, 0), Math.max(end - leg.offset, 0), text, who);
  }

  /** Ends all; resolves when the last has been read, or nothing more is to be expected. */
  async end(): Promise<void> {
    for (const leg of this.legs) {
      if (leg.end === Infinity) leg.end = this.now();
      leg.stream.end();
    }
    const patience = new Promise<void>((resolve) => {
      this.hurry = resolve;
      setTimeout(resolve, PATIENCE);
    });
    await Promise.race([Promise.all(this.legs.map((leg) => leg.over)), patience]);
    this.leave();
  }

  /** Waits no longer for the last readings. */
  hurry: () => void = () => {};

  /** Whether the server never said what it made of some of it. */
  get partial(): boolean {
    return this.legs.some((leg) => leg.timeline === null && leg.kept.count > 0);
  }

  /** What the server calls the moment at which the first began; null: none did. */
  get since(): number | null {
    const known = this.legs.map((leg) => leg.stream.since).filter((one) => one !== null);
    return known.length ? Math.min(...known) : null;
  }

  /** Ends all at once, unread. */
  leave(): void {
    for (const leg of this.legs) leg.stream.leave();
  }

  get parts(): readonly Part[] {
    return this.legs;
  }

  get names(): ReadonlySet<string> {
    return this.given;
  }

  get buffered(): number {
    return this.legs.at(-1)!.stream.buffered;
  }

  /** The stream that takes an input now: another one, where the last of this kind was too long ago. */
  private current(kind: 'heard' | 'seen', at = this.now()): Leg {
    const leg = this.legs.at(-1)!;
    if (at - leg[kind] > (leg.stream.limits?.gap_seconds ?? GAP) - MARGIN) this.goOn();
    const chosen = this.legs.at(-1)!;
    chosen[kind] = at;
    return chosen;
  }

  private leg(number: number): Leg {
    const offset = this.legs.length ? this.now() : 0; // the first one begins with the view
    const kept = new Kept();
    let isOver = () => {};
    const part = { number, offset, kept, timeline: null, end: Infinity, clock: new SoundClock(), heard: offset, seen: offset };
    const leg: Leg = { ...part, over: new Promise((resolve) => (isOver = resolve)), stream: null as unknown as Stream };
    const listener: Listener = {
      state: (state) => leg === this.legs.at(-1) && this.telling.state(state),
      reading: (reading) => this.take(leg, reading),
      event: (event) => kept.events.push(event),
      warning: (text) => this.telling.warning(text),
      ended: (timeline) => {
        leg.timeline = timeline;
        isOver();
      },
      failed: (failure) => this.fail(leg, failure, isOver),
    };
    leg.stream = new Stream(this.url, this.wanted, listener, this.Socket);
    return leg;
  }

  private take(leg: Leg, reading: Reading): void {
    leg.kept.add(reading);
    if (leg.offset === 0) {
      this.telling.reading(reading);
      return;
    }
    const who = reading.who === null ? null : nameIn(leg.number, reading.who, this.given);
    this.telling.reading({ ...reading, who, start: reading.start + leg.offset, end: reading.end + leg.offset });
  }

  private fail(leg: Leg, failure: Failure, isOver: () => void): void {
    const ending = leg.end < Infinity;
    if (!ending) leg.end = this.now();
    leg.timeline = failure.timeline ?? leg.timeline;
    isOver();
    if (ending) return;
    if (failure.problem?.problem.endsWith('too-long')) this.goOn();
    else this.telling.failed(failure);
  }
}
