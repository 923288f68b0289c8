import { expect, test, vi } from 'vitest';
import type { Failure } from '../../stream/client';
import { Legs } from './legs';
import { reading } from './made';
import { joined } from './timeline';

/** A server that begins every stream at once. */
class Server {
  static sockets: Server[] = [];
  readyState = 1;
  bufferedAmount = 0;
  sent: (string | ArrayBuffer)[] = [];
  onopen?: () => void;
  onmessage?: (event: { data: string }) => void;
  onclose?: (event: { code: number }) => void;

  constructor() {
    Server.sockets.push(this);
  }

  begin(since = 7): this {
    this.onopen?.();
    this.tell({ type: 'started', stream: 's', resume: 'r', since, limits: { gap_seconds: 600, resume_seconds: 30 } });
    return this;
  }

  tell(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  send(data: string | ArrayBuffer): void {
    this.sent.push(data);
  }

  close(): void {}

  get times(): number[] {
    return this.sent.filter((one) => typeof one !== 'string').map((one) => new DataView(one as ArrayBuffer).getFloat64(1, true));
  }
}

function made(begin = 0) {
  Server.sockets = [];
  const clock = { now: begin };
  const telling = { state: vi.fn(), reading: vi.fn(), warning: vi.fn(), failed: vi.fn<(failure: Failure) => void>() };
  const legs = new Legs(() => 'ws://server', { sound: true, pictures: true }, telling, () => clock.now, Server as unknown as typeof WebSocket);
  Server.sockets[0]!.begin();
  return { clock, telling, legs };
}

const samples = new Int16Array(640);
const problem = { type: 'problem', title: '', status: 413, detail: '' };

test('it began when the first of its streams did', () => {
  const { clock, legs } = made();
  clock.now = 1;
  legs.goOn();
  expect(legs.since).toBe(7);
  Server.sockets[1]!.begin(9);
  expect(legs.since).toBe(7);
});

test('after a pause that is longer than a stream may have another one begins, whose times go on', () => {
  const { clock, telling, legs } = made();
  clock.now = 1;
  legs.sound(samples);
  legs.pause();
  clock.now = 700;
  legs.sound(samples);
  expect(Server.sockets.length).toBe(2);
  const second = Server.sockets[1]!.begin();
  expect(second.times[0]).toBe(0);
  second.tell({ type: 'reading', seq: 1, reading: reading('speech', 'speaker 1', 0, 2) });
  expect(telling.reading.mock.lastCall?.[0]).toMatchObject({ start: 700, end: 702, who: 'speaker 1' });
});

test('a stream that has become too long is followed by another', () => {
  const { clock, telling } = made();
  clock.now = 100;
  Server.sockets[0]!.tell({ ...problem, problem: 'urn:affekt:problem:too-long', seq: 1, timeline: null });
  expect(Server.sockets.length).toBe(2);
  expect(telling.failed).not.toHaveBeenCalled();
});

test('what was read before a stream was lost is in the timeline, beside what the next one reads', async () => {
  const { clock, telling, legs } = made();
  clock.now = 10;
  Server.sockets[0]!.tell({ type: 'reading', seq: 1, reading: reading('speech', 'speaker 1', 2, 3) });
  Server.sockets[0]!.tell({ ...problem, problem: 'urn:affekt:problem:fault', status: 500 });
  expect(telling.failed).toHaveBeenCalledOnce();
  clock.now = 50;
  legs.goOn();
  const second = Server.sockets[1]!.begin();
  second.tell({ type: 'reading', seq: 1, reading: reading('speech', 'speaker 1', 2, 3) });
  clock.now = 60;
  const ending = legs.end();
  expect(second.sent.at(-1)).toBe('{"type":"end"}');
  second.tell({ type: 'ended', seq: 2, timeline: null });
  await ending;
  const timeline = joined(legs.parts, [], legs.names)!;
  expect(timeline.readings.map((one) => `${one.who} ${one.start}`)).toEqual(['speaker 1 2', 'speaker 1 · 2 52']);
});

test('pictures do not go back in time', () => {
  const { legs } = made();
  for (const at of [1, 2, 1.5, 2, 3]) legs.picture(at, new ArrayBuffer(1));
  expect(Server.sockets[0]!.times).toEqual([1, 2, 3]);
});

test('the first stream begins with the view, whatever its making took', () => {
  const { legs } = made(0.0004);
  expect(legs.parts[0]!.offset).toBe(0);
});
