import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Stream, type Failure, type Listener, type State } from './client';

/** A socket that a test speaks through. */
class FakeSocket {
  static made: FakeSocket[] = [];
  readyState = 0;
  bufferedAmount = 0;
  sent: (string | ArrayBuffer)[] = [];
  onopen?: () => void;
  onmessage?: (event: { data: string }) => void;
  onclose?: (event: { code: number }) => void;

  constructor(readonly url: string) {
    FakeSocket.made.push(this);
  }

  send(data: string | ArrayBuffer): void {
    this.sent.push(data);
  }

  close(): void {
    this.readyState = 3;
  }

  open(): void {
    this.readyState = 1;
    this.onopen?.();
  }

  tell(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  drop(code = 1006): void {
    this.readyState = 3;
    this.onclose?.({ code });
  }

  /** What was sent, pings left out: "sound 0.5", "picture 0.5", or the type of a message. */
  get inputs(): string[] {
    return this.sent.map(named).filter((name) => name !== 'ping');
  }
}

function named(data: string | ArrayBuffer): string {
  if (typeof data === 'string') return (JSON.parse(data) as { type: string }).type;
  const head = new DataView(data);
  return `${['', 'sound', 'picture'][head.getUint8(0)]} ${head.getFloat64(1, true)}`;
}

const newest = () => FakeSocket.made.at(-1)!;
const started = { type: 'started', stream: 's', resume: 'secret', limits: { resume_seconds: 30 } };
const reading = (seq: number) => ({ type: 'reading', seq, reading: { start: seq } });
const samples = new Int16Array([1, 2, 3]);

function begun(listener: Listener = {}): Stream {
  const stream = new Stream(() => 'ws://server', { sound: true, pictures: true, words: true }, listener, FakeSocket as unknown as typeof WebSocket);
  newest().open();
  return stream;
}

beforeEach(() => {
  vi.useFakeTimers();
  FakeSocket.made = [];
});
afterEach(() => vi.useRealTimers());

test('what is given before the stream has begun is sent as soon as it has', () => {
  const stream = begun();
  stream.sound(0, samples);
  expect(newest().inputs).toEqual(['start']);
  newest().tell(started);
  expect(newest().inputs).toEqual(['start', 'sound 0']);
});

test('a frame has a kind, a time and what was heard', () => {
  const stream = begun();
  newest().tell(started);
  stream.sound(1.5, samples);
  const frame = newest().sent.at(-1) as ArrayBuffer;
  expect(frame.byteLength).toBe(9 + 6);
  expect([...new Int16Array(frame.slice(9))]).toEqual([1, 2, 3]);
});

test('a lost connection is resumed: nothing is sent twice, nothing is left out, nothing is told twice', () => {
  const seen: number[] = [];
  const stream = begun({ reading: ({ start }) => seen.push(start) });
  newest().tell(started);
  for (const time of [0, 1, 2, 3]) stream.sound(time, samples);
  newest().tell({ type: 'ack', received: 2 });
  newest().tell(reading(1));
  newest().tell(reading(2));
  newest().drop();
  expect(stream.state).toBe('lost');
  stream.sound(4, samples);
  vi.advanceTimersByTime(1000);
  newest().open();
  expect(JSON.parse(newest().sent[0] as string)).toEqual({ type: 'resume', stream: 's', resume: 'secret', after: 2 });
  newest().tell({ type: 'resumed', received: 3 });
  expect(newest().inputs).toEqual(['resume', 'sound 3', 'sound 4']);
  newest().tell(reading(2));
  newest().tell(reading(3));
  expect(seen).toEqual([1, 2, 3]);
  expect(stream.state).toBe('open');
});

test('pictures of the time without a connection are left out, and the times of sound go on', () => {
  const stream = begun();
  newest().tell(started);
  newest().drop();
  expect(stream.picture(1, new ArrayBuffer(1))).toBe(false);
  vi.advanceTimersByTime(1000);
  newest().open();
  newest().tell({ type: 'resumed', received: 0 });
  expect(stream.picture(2, new ArrayBuffer(1))).toBe(true);
  expect(newest().inputs).toEqual(['resume', 'picture 2']);
});

test('an old connection is not listened to any more', () => {
  const states: State[] = [];
  begun({ state: (state) => states.push(state) });
  newest().tell(started);
  const old = newest();
  old.drop();
  vi.advanceTimersByTime(1000);
  old.drop();
  old.tell(started);
  expect(FakeSocket.made.length).toBe(2);
  expect(states).toEqual(['open', 'lost']);
});

test('it tries again ever more rarely, and gives up when the server has', () => {
  const failures: Failure[] = [];
  const stream = begun({ failed: (failure) => failures.push(failure) });
  newest().tell(started);
  newest().drop();
  const begin = Date.now();
  while (!failures.length) {
    vi.advanceTimersByTime(100);
    if (newest().readyState === 0) newest().drop();
  }
  expect(failures[0]?.kind).toBe('lost');
  expect(stream.state).toBe('failed');
  expect(Date.now() - begin).toBeGreaterThan(30_000);
  expect(Date.now() - begin).toBeLessThan(36_000);
  expect(FakeSocket.made.length).toBeLessThan(16);
});

test('a server that was started anew does not know the stream', () => {
  const failures: Failure[] = [];
  begun({ failed: (failure) => failures.push(failure) });
  newest().tell(started);
  newest().drop(1001);
  vi.advanceTimersByTime(1000);
  newest().open();
  newest().tell({ type: 'problem', problem: 'urn:affekt:problem:unknown-stream', title: '', status: 404, detail: 'no such stream' });
  newest().drop(4404);
  expect(failures.map((one) => one.kind)).toEqual(['forgotten']);
});

test('a server that shuts down tells what it has read', () => {
  const failures: Failure[] = [];
  begun({ failed: (failure) => failures.push(failure) });
  newest().tell(started);
  newest().tell({ type: 'problem', problem: 'urn:affekt:problem:shutting-down', status: 503, detail: '', timeline: { readings: [] }, seq: 1 });
  newest().drop(1012);
  expect(failures).toMatchObject([{ kind: 'stopped', timeline: { readings: [] } }]);
});

test('what is refused is not tried again', () => {
  const failures: Failure[] = [];
  begun({ failed: (failure) => failures.push(failure) });
  newest().tell({ type: 'problem', problem: 'urn:affekt:problem:policy-refused', status: 403, title: '', detail: 'not here' });
  newest().drop(4403);
  vi.advanceTimersByTime(60_000);
  expect(failures.map((one) => one.kind)).toEqual(['refused']);
  expect(FakeSocket.made.length).toBe(1);
});

test('no server is told apart from a lost one', () => {
  const failures: Failure[] = [];
  begun({ failed: (failure) => failures.push(failure) });
  newest().drop();
  expect(failures.map((one) => one.kind)).toEqual(['unreachable']);
});

test('a connection on which nothing is said any more is dead', () => {
  const stream = begun();
  newest().tell(started);
  vi.advanceTimersByTime(5000);
  newest().tell({ type: 'ack', received: 0 });
  vi.advanceTimersByTime(5000);
  expect(stream.state).toBe('open');
  vi.advanceTimersByTime(2000);
  expect(stream.state).toBe('lost');
});

test('the round trip is that of a ping', () => {
  const stream = begun();
  newest().tell(started);
  vi.advanceTimersByTime(100);
  expect(newest().sent.map(named)).toContain('ping');
  vi.advanceTimersByTime(40);
  newest().tell({ type: 'pong' });
  expect(stream.roundTrip).toBe(40);
});

test('nothing goes into a socket that is full', () => {
  const stream = begun();
  newest().tell(started);
  newest().bufferedAmount = 1e6;
  stream.sound(0, samples);
  stream.sound(1, samples);
  expect(newest().inputs).toEqual(['start']);
  newest().bufferedAmount = 0;
  vi.advanceTimersByTime(100);
  expect(newest().inputs).toEqual(['start', 'sound 0', 'sound 1']);
});

test('the end is told once, over a new connection as well, and the timeline ends all', () => {
  const ended = vi.fn();
  const stream = begun({ ended });
  newest().tell(started);
  stream.sound(0, samples);
  newest().drop();
  stream.end();
  stream.sound(1, samples);
  vi.advanceTimersByTime(1000);
  newest().open();
  newest().tell({ type: 'resumed', received: 1 });
  expect(stream.state).toBe('ending');
  expect(newest().inputs).toEqual(['resume', 'end']);
  newest().tell({ type: 'ended', timeline: null, seq: 1 });
  newest().drop(1000);
  expect(ended).toHaveBeenCalledOnce();
  expect(stream.state).toBe('ended');
});

test('a page whose timers hardly run says that it is there', () => {
  begun();
  newest().tell(started);
  for (let second = 1; second <= 60; second += 1) {
    vi.setSystemTime(Date.now() + 1000); // no timer runs
    newest().tell({ type: 'ack', received: 0 });
    newest().tell({ type: 'pong' });
  }
  expect(newest().sent.map(named).filter((name) => name === 'ping').length).toBeGreaterThan(20);
});
