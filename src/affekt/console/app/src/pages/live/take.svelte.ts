/** One live view from start to stop: what is captured, what the server says of it, and what is shown, brought up to date once a frame. */
import type { Reading, Timeline } from '../../api/client';
import { close, type Kind } from '../../capture/devices';
import { Pace } from '../../capture/pace';
import type { Failure, State } from '../../stream/client';
import { Latencies } from '../../stream/latency';
import type { Wanted } from '../../stream/messages';
import { Board, type Person } from './board';
import { Legs } from './legs';
import type { Line } from './lines';
import { Senses } from './senses.svelte';
import { joined, type Mark } from './timeline';

/** What a live view begins with. */
export interface Choice {
  microphone: MediaStream | null;
  camera: MediaStream | null;
  devices?: Partial<Record<Kind, string>>; // ids of those that were chosen; '': the browser's choice
  words: boolean;
  file: ArrayBuffer | null; // a sound that is played instead of a microphone
  labels: string;
  who: string;
  subject: string; // id of whoever is read, where consent is needed
}

export interface Delay {
  half: number;
  most: number;
}

const SECOND = 1000;
const WARNINGS = 5; // that are shown

export class Take {
  phase = $state<'beginning' | 'running' | 'stopping' | 'over'>('beginning');
  connection = $state<State>('connecting');
  failure = $state.raw<Failure | null>(null);
  people = $state.raw<readonly Person[]>([]);
  lines = $state.raw<readonly Line[]>([]);
  marks = $state.raw<readonly Mark[]>([]);
  warnings = $state.raw<readonly string[]>([]);
  delays = $state.raw<{ face: Delay | null; voice: Delay | null }>({ face: null, voice: null });
  seconds = $state(0);
  layout = $state(0);
  timeline = $state.raw<Timeline | null>(null);
  saved = $state(''); // id of the session that it is saved as
  partial = $state(false); // the timeline is what was seen here, for the server never said what it made of all
  readonly board = new Board();
  readonly senses: Senses;
  readonly wanted: Wanted;
  private readonly legs: Legs;
  private readonly pace = new Pace();
  private readonly taken = { face: new Latencies(), voice: new Latencies() };
  private fresh: { kind: 'face' | 'voice'; at: number }[] = []; // what was read since the last frame, and when it was captured
  private begin = performance.now();
  private frame = 0;
  private timer: ReturnType<typeof setInterval> | undefined;
  private opened = false; // the server has begun
  private begun!: { resolve: () => void; reject: (failure: Failure) => void };

  constructor(
    url: () => string,
    readonly choice: Choice,
  ) {
    const { microphone, camera, file, words, labels, who, subject } = choice;
    this.wanted = { sound: Boolean(microphone ?? file), pictures: Boolean(camera), words, labels, who, ...(subject && { subjects: { '*': subject } }) };
    this.senses = new Senses({
      sound: (samples) => this.connection !== 'failed' && this.legs.sound(samples),
      due: (now) => this.connection === 'open' && this.pace.due(now, this.legs.buffered),
      picture: (at, picture) => this.picture(at, picture),
      played: () => void this.stop(),
      devices: choice.devices ?? {},
    });
    this.legs = new Legs(
      url,
      this.wanted,
      {
        state: (state) => this.become(state),
        reading: (reading) => this.take(reading),
        warning: (text) => this.warn(text),
        failed: (failure) => this.fail(failure),
      },
      () => this.now(),
    );
  }

  /** Begins, as soon as the server does. Throws the failure, where it refuses. */
  async run(): Promise<void> {
    await new Promise<void>((resolve, reject) => (this.begun = { resolve, reject }));
    this.begin = performance.now();
    const { microphone, camera, file } = this.choice;
    await Promise.all([microphone && this.senses.listen(microphone), camera && this.senses.look(camera), file && this.senses.play(file)]);
    this.phase = 'running';
    this.timer = setInterval(() => this.tick(), SECOND);
    this.show();
  }

  /** What the server calls the moment at which it began. */
  get since(): number | null {
    return this.legs.since;
  }

  /** Seconds since it began. */
  now(): number {
    return (performance.now() - this.begin) / SECOND;
  }

  pause(): void {
    if (this.phase !== 'running') return;
    this.senses.pause();
    this.legs.pause();
  }

  resume(): void {
    this.senses.resume();
  }

  /** Words that somebody wrote. Args: start: seconds at which they began to. */
  say(start: number, text: string, who: string): void {
    this.legs.words(start, Math.max(this.now(), start), text, who || this.choice.who);
  }

  /** Marks this moment; gives its place among the marks. */
  mark(): number {
    this.marks = [...this.marks, { time: this.now(), note: '' }];
    return this.marks.length - 1;
  }

  note(at: number, note: string): void {
    this.marks = this.marks.map((mark, index) => (index === at ? { ...mark, note } : mark));
  }

  unmark(at: number): void {
    this.marks = this.marks.filter((_, index) => index !== at);
  }

  /** Goes on with another stream after one was lost. */
  goOn(): void {
    this.failure = null;
    this.connection = 'connecting';
    this.legs.goOn();
  }

  /** Stops; what has come is read to its end, then there is a timeline. */
  async stop(): Promise<void> {
    if (this.phase !== 'running') return;
    this.phase = 'stopping';
    this.senses.close();
    await this.legs.end();
    this.timeline = joined(this.legs.parts, this.marks, this.legs.names, (who) => this.board.called(who));
    this.partial = this.legs.partial;
    this.rest();
  }

  /** Waits no longer for the last readings. */
  hurry(): void {
    this.legs.hurry();
  }

  /** Stops and forgets all; devices are given back also where it never began. */
  discard(): void {
    this.senses.close();
    close(this.choice.microphone);
    close(this.choice.camera);
    this.legs.leave();
    this.rest();
  }

  private rest(): void {
    this.phase = 'over';
    cancelAnimationFrame(this.frame);
    clearInterval(this.timer);
  }

  private become(state: State): void {
    this.connection = state;
    if (state !== 'open') return;
    this.opened = true;
    this.begun.resolve();
  }

  private fail(failure: Failure): void {
    this.connection = 'failed';
    if (this.opened) this.failure = failure;
    else this.begun.reject(failure);
  }

  private warn(text: string): void {
    if (/pictures were left out/.test(text)) this.pace.slower(performance.now());
    else this.warnings = [...this.warnings.filter((one) => one !== text), text].slice(-WARNINGS);
  }

  private picture(at: number, picture: ArrayBuffer): void {
    const late = performance.now() - at; // some cameras tell their time by another clock
    this.legs.picture((late >= 0 && late < SECOND ? at : performance.now()) / SECOND - this.begin / SECOND, picture);
  }

  private take(reading: Reading): void {
    this.board.take(reading);
    const live = this.phase === 'running' && !document.hidden;
    if (reading.modality === 'face') {
      if (live) this.fresh.push({ kind: 'face', at: reading.start });
      this.pace.took((this.now() - reading.start) * SECOND, performance.now());
    } else if (live && reading.modality === 'speech' && reading.provisional) this.fresh.push({ kind: 'voice', at: reading.end });
  }

  private show(): void {
    this.frame = requestAnimationFrame(() => this.show());
    const now = this.now();
    if (!this.board.changed) return;
    this.board.settle();
    [this.people, this.lines, this.layout] = [this.board.people, this.board.lines, this.board.layout];
    for (const { kind, at } of this.fresh) if (now - at < 5) this.taken[kind].add((now - at) * SECOND, now * SECOND); // else nobody was looking
    this.fresh = [];
  }

  private tick(): void {
    const now = this.now();
    this.seconds = Math.floor(now);
    this.board.sweep(now);
    this.layout = this.board.layout;
    this.delays = { face: this.taken.face.percentiles(now * SECOND), voice: this.taken.voice.percentiles(now * SECOND) };
  }
}
