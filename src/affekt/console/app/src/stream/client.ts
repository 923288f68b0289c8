/**
 * A live stream that outlives its connections. It numbers what it is given, keeps it until the server has it, and goes on with the same
 * stream where a connection was lost: nothing is told or sent twice, nothing is left out but pictures of the time without a connection.
 */
import type { Event, Reading, Timeline } from '../api/client';
import { Backlog, type Input } from './backlog';
import { pictureFrame, soundFrame, startOf, type Limits, type Told, type ToldProblem, type Wanted } from './messages';

/**
 * connecting: it has not begun yet. open: it runs. lost: without a connection, which it tries to get back. ending: all was sent, the rest
 * is still read. ended, failed: it is over.
 */
export type State = 'connecting' | 'open' | 'lost' | 'ending' | 'ended' | 'failed';

/** Why a stream is over before its time. */
export interface Failure {
  /**
   * unreachable: no connection when it was to begin. lost: none for longer than the server waits. forgotten: the server does not know the
   * stream any more, as after a restart. stopped: the server shut down, or the stream has become too long. refused: all else.
   */
  kind: 'unreachable' | 'lost' | 'forgotten' | 'stopped' | 'refused';
  problem: ToldProblem | null;
  timeline: Timeline | null; // what the server says was read until then
}

/** What a stream tells. */
export interface Listener {
  state?(state: State): void;
  reading?(reading: Reading): void;
  event?(event: Event): void;
  warning?(text: string): void;
  ended?(timeline: Timeline | null): void;
  failed?(failure: Failure): void;
}

const FIRST_WAIT = 250; // milliseconds until the first attempt to connect again; doubled each time
const LONGEST_WAIT = 4000;
const ATTEMPT = 5000; // milliseconds that one attempt may take
const BEGIN = 60_000; // milliseconds in which a stream begins: a server that has just started loads its models for the first one
const SILENCE = 6000; // milliseconds without a word from a server that speaks each second, after which the connection is dead
const PING = 2000; // milliseconds between two pings
const RESUMABLE = 30; // seconds, until the server has said how long
const WAITING = 256 * 1024; // bytes that may wait in the socket: what waits here can still be sent elsewhere
const REJECTED = new Set([1002, 1003, 1007, 1009, 1010]); // the same would be rejected again

export class Stream {
  state: State = 'connecting';
  limits: Limits | null = null;
  since: number | null = null; // what the server calls the moment at which it began
  roundTrip = 0; // milliseconds, of the last ping
  private readonly backlog = new Backlog();
  private socket: WebSocket | null = null;
  private known: { stream: string; resume: string } | null = null;
  private after = 0; // the highest number of a message that was seen
  private ended = false; // it was ended while there was no connection
  private wait = FIRST_WAIT;
  private lostAt = 0;
  private heardAt = 0;
  private pingedAt = 0;
  private awaiting = false; // an answer to the last ping
  private timers = new Set<ReturnType<typeof setTimeout>>();

  /** Args: url: is asked before each connection, for a key may have changed. */
  constructor(
    private readonly url: () => string,
    private readonly wanted: Wanted,
    private readonly told: Listener,
    private readonly Socket: typeof WebSocket = WebSocket,
  ) {
    this.connect();
  }

  /** Sends sound. Args: time: seconds from the begin of the stream; NaN: it follows on. */
  sound(time: number, samples: Int16Array): void {
    this.give(soundFrame(time, samples));
  }

  /** Sends a picture, if there is a connection now; whether it did. */
  picture(time: number, picture: ArrayBuffer): boolean {
    if (this.state !== 'open' || this.backlog.waiting > 0) return false;
    this.give(pictureFrame(time, picture));
    return true;
  }

  words(start: number, end: number, text: string, who?: string): void {
    this.give(JSON.stringify({ type: 'words', start, end, text, ...(who && { who }) }));
  }

  /** Nothing more comes; what has come is read to its end. */
  end(): void {
    if (this.over || this.state === 'ending') return;
    this.give(JSON.stringify({ type: 'end' }));
    if (this.state === 'open') this.become('ending');
    else this.ended = true;
  }

  /** Leaves at once; the server forgets the stream after a while. */
  leave(): void {
    if (!this.over) this.finish('ended');
  }

  /** Bytes that wait to go over the line. */
  get buffered(): number {
    return this.socket?.bufferedAmount ?? 0;
  }

  /** Inputs that the server is not known to have. */
  get unacknowledged(): number {
    return this.backlog.length;
  }

  private get over(): boolean {
    return this.state === 'ended' || this.state === 'failed';
  }

  private get flows(): boolean {
    return this.state === 'open' || this.state === 'ending';
  }

  private give(input: Input): void {
    if (this.over || this.state === 'ending' || this.ended) return;
    this.backlog.add(input);
    this.flush();
  }

  private flush(): void {
    const socket = this.socket;
    if (socket?.readyState !== 1 || !this.flows) return;
    while (this.backlog.waiting && socket.bufferedAmount < WAITING) socket.send(this.backlog.take()!);
  }

  private connect(): void {
    const socket = new this.Socket(this.url());
    this.socket = socket;
    this.heardAt = Date.now();
    const current = () => this.socket === socket && !this.over;
    socket.onopen = () => current() && socket.send(this.known ? JSON.stringify({ type: 'resume', ...this.known, after: this.after }) : startOf(this.wanted));
    socket.onmessage = ({ data }) => {
      if (!current()) return;
      this.heardAt = Date.now();
      this.hear(JSON.parse(String(data)) as Told);
    };
    socket.onclose = ({ code }) => current() && this.lose(code);
    this.watch(socket);
  }

  /** Sends what waits, asks how long an answer takes, and notices that a connection is dead of which nobody says so. */
  private watch(socket: WebSocket): void {
    this.later(100, () => {
      if (this.socket !== socket) return;
      const patience = socket.readyState === 0 ? ATTEMPT : this.known ? SILENCE : BEGIN;
      if (Date.now() - this.heardAt > patience) {
        this.lose(1006);
        return;
      }
      this.flush();
      this.ping();
      this.watch(socket);
    });
  }

  private ping(): void {
    if (this.socket?.readyState !== 1 || !this.flows || this.awaiting || Date.now() - this.pingedAt < PING) return;
    [this.awaiting, this.pingedAt] = [true, Date.now()];
    this.socket.send('{"type":"ping"}');
  }

  private hear(message: Told): void {
    if ('seq' in message && message.seq !== undefined) {
      if (message.seq <= this.after) return; // it was told before the connection was lost
      this.after = message.seq;
    }
    if (message.type === 'started') {
      this.known = { stream: message.stream, resume: message.resume };
      [this.limits, this.since] = [message.limits, message.since];
      this.opened(0);
    } else if (message.type === 'resumed') this.opened(message.received);
    else if (message.type === 'ack') {
      this.backlog.received(message.received);
      this.ping(); // timers of a page that nobody sees run once a minute, which the server takes for silence; acks come each second
    } else if (message.type === 'pong') {
      this.roundTrip = Date.now() - this.pingedAt;
      this.awaiting = false;
    } else if (message.type === 'reading') this.told.reading?.(message.reading);
    else if (message.type === 'event') this.told.event?.(message.event);
    else if (message.type === 'warning') this.told.warning?.(message.warning);
    else if (message.type === 'ended') {
      this.finish('ended');
      this.told.ended?.(message.timeline);
    } else if (message.type === 'problem') this.fail(kindOf(message, this.known !== null && this.state === 'lost'), message);
    this.flush();
  }

  private opened(received: number): void {
    this.backlog.again(received);
    this.wait = FIRST_WAIT;
    this.awaiting = false;
    this.become(this.ended ? 'ending' : 'open');
    this.flush();
  }

  private lose(code: number): void {
    const socket = this.socket;
    this.socket = null;
    socket?.close();
    if (REJECTED.has(code)) {
      this.fail('refused', { problem: 'rejected', title: 'rejected', status: 0, detail: `the connection was closed with code ${code}` });
      return;
    }
    if (!this.known) {
      this.fail('unreachable', null);
      return;
    }
    if (this.state !== 'lost') {
      this.ended ||= this.state === 'ending';
      this.lostAt = Date.now();
      this.become('lost');
    }
    if (Date.now() - this.lostAt > (this.limits?.resume_seconds ?? RESUMABLE) * 1000) {
      this.fail('lost', null);
      return;
    }
    this.later(this.wait * (0.8 + 0.4 * Math.random()), () => this.connect());
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
  }

  private fail(kind: Failure['kind'], problem: ToldProblem | null): void {
    this.finish('failed');
    this.told.failed?.({ kind, problem, timeline: problem?.timeline ?? null });
  }

  private finish(state: 'ended' | 'failed'): void {
    this.timers.forEach(clearTimeout);
    this.timers.clear();
    const socket = this.socket;
    this.socket = null;
    this.become(state);
    socket?.close();
  }

  private become(state: State): void {
    this.state = state;
    this.told.state?.(state);
  }

  private later(milliseconds: number, call: () => void): void {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      call();
    }, milliseconds);
    this.timers.add(timer);
  }
}

function kindOf(problem: ToldProblem, resuming: boolean): Failure['kind'] {
  if (/shutting-down|too-long/.test(problem.problem)) return 'stopped';
  return resuming && (problem.status === 404 || problem.status === 409) ? 'forgotten' : 'refused';
}
