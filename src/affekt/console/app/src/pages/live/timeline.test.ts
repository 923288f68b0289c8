import { expect, test } from 'vitest';
import { SoundClock } from './clock';
import { Kept } from './kept';
import { reading } from './made';
import { told } from './summary';
import { joined } from './timeline';

function kept(...readings: ReturnType<typeof reading>[]): Kept {
  const made = new Kept();
  readings.forEach((one) => made.add(one));
  return made;
}

const face = (who: string, start: number) =>
  reading('face', who, start, start + 0.2, { box: [0.1, 0.2, 0.3, 0.4], clarity: 0.8765, valence: -0.1234, scores: { joy: 0.1239, anger: 0.8761 }, top: 'anger', confidence: 0.8761 });

test('readings of faces come back as they were given', () => {
  const given = Array.from({ length: 3000 }, (_, at) => face(`face ${at % 2}`, at));
  given[5] = { ...given[5]!, abstained: true, reason: 'face turned away', present: [], valence: null };
  expect(kept(...given).readings()).toEqual(given);
});

test('a final fused reading takes the place of those that begin in its stretch', () => {
  const all = kept(reading('fused', 'a', 0, 1), reading('fused', 'a', 1, 2), reading('fused', 'b', 1, 2), reading('fused', 'a', 0.5, 2)).readings();
  expect(all.map((one) => `${one.who} ${one.start}`)).toEqual(['a 0', 'a 0.5', 'b 1']);
});

test('provisional readings are not kept', () => {
  expect(kept(reading('speech', 'a', 0, 1, { provisional: true })).count).toBe(0);
});

test('a stream that was lost and the one after it make one timeline, whose people are told apart', () => {
  const first = { number: 1, offset: 0, kept: kept(face('face 1', 1), reading('text', 'Anna', 2, 3)), timeline: null, end: 10 };
  const second = { number: 2, offset: 20, kept: kept(face('face 1', 1), reading('text', 'Anna', 2, 3)), timeline: null, end: 30 };
  const made = joined([first, second], [{ time: 25, note: 'now' }, { time: 5, note: '' }], new Set(['Anna']))!;
  expect(made.readings.map((one) => `${one.who} ${one.start}`)).toEqual(['face 1 1', 'Anna 2', 'face 1 · 2 21', 'Anna 22']);
  expect(made.people).toEqual(['face 1', 'Anna', 'face 1 · 2']);
  expect(made.marks.map((mark) => mark.time)).toEqual([5, 25]);
  expect(made.duration).toBe(30);
});

test('what was said is not lost with the server, and each reading finds its words in it', () => {
  const said = (words: string, start: number) => reading('text', 'Anna', start, start + 1, { words });
  const first = { number: 1, offset: 0, kept: kept(said('Oh 😀', 1), said('no', 2)), timeline: null, end: 10 };
  const second = { number: 2, offset: 20, kept: kept(said('again', 1)), timeline: null, end: 30 };
  const made = joined([first, second], [], new Set(['Anna']))!;
  expect(made.transcript).toBe('Oh 😀\nno\nagain');
  expect(made.readings.map(({ span }) => [...made.transcript!].slice(span![0], span![1]).join(''))).toEqual(['Oh 😀', 'no', 'again']);
  expect(made.readings.every((one) => one.words === null)).toBe(true);
});

test('a view of many hours has a timeline as well', () => {
  const many = new Kept();
  for (let at = 0; at < 150_000; at += 1) many.add(face('face 1', at / 10));
  expect(joined([{ number: 1, offset: 0, kept: many, timeline: null, end: 1 }], [], new Set())!.duration).toBeCloseTo(15_000.1);
}, 30_000);

test('the timeline of the server is taken where it came', () => {
  const timeline = { ...joined([{ number: 1, offset: 0, kept: kept(face('face 1', 1)), timeline: null, end: 2 }], [], new Set())!, transcript: 'said' };
  expect(joined([{ number: 1, offset: 0, kept: new Kept(), timeline, end: 2 }], [], new Set())).toEqual(timeline);
});

test('who turned out to be one person is one, where the server could not say so any more', () => {
  const part = { number: 1, offset: 0, kept: kept(face('face 1', 1), reading('speech', 'speaker 1', 2, 3)), timeline: null, end: 10 };
  expect(joined([part], [], new Set(), () => 'person 1')!.people).toEqual(['person 1']);
});

test('where nothing was read there is no timeline', () => {
  expect(joined([{ number: 1, offset: 0, kept: new Kept(), timeline: null, end: 9 }], [], new Set())).toBeNull();
});

test('where no label applies, none has a share', () => {
  const none = reading('fused', 'a', 0, 3, { single: false, present: [] });
  const timeline = joined([{ number: 1, offset: 0, kept: kept(none, reading('fused', 'a', 3, 4)), timeline: null, end: 9 }], [], new Set())!;
  expect(told(timeline)[0]!.shares).toEqual({ joy: 0.25 });
});

test('a person in numbers: shares of the time in which readings are sure', () => {
  const fused = [
    reading('fused', 'a', 0, 3),
    reading('fused', 'a', 3, 4, { top: 'anger', present: ['anger'], disagreement: 0.7, valence: -0.5 }),
    reading('fused', 'a', 4, 9, { abstained: true }),
  ];
  const timeline = joined([{ number: 1, offset: 0, kept: kept(reading('speech', 'a', 0, 3), ...fused), timeline: null, end: 9 }], [], new Set())!;
  expect(told(timeline)).toEqual([{ who: 'a', readings: 1, unsure: 1, shares: { joy: 0.75, anger: 0.25 }, valence: 0.25, arousal: 0.1, disagreements: 1 }]);
});

test('sound that follows on has no time; after a pause, and where it falls behind for long, it has', () => {
  const clock = new SoundClock();
  expect(clock.time(1.04, 0.04)).toBeCloseTo(1);
  expect(clock.time(1.08, 0.04)).toBeNaN();
  expect(clock.time(1.5, 0.04)).toBeNaN(); // the page was busy
  for (let now = 1.16; now < 3; now += 0.04) expect(clock.time(now, 0.04)).toBeNaN();
  clock.pause();
  expect(clock.time(10.04, 0.04)).toBeCloseTo(10);
  expect(clock.time(10.08, 0.04)).toBeNaN();
  const late = Array.from({ length: 60 }, (_, at) => clock.time(10.52 + at * 0.04, 0.04)).filter((time) => !Number.isNaN(time));
  expect(late.length).toBe(1); // 0.4 s were lost
});
