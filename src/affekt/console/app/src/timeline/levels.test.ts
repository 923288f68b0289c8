import { expect, test } from 'vitest';
import { lanesOf, numberIn, readAt, visible } from './lanes';
import { CurveLevels, gridOf, LaneLevels } from './levels';
import { long, reading, timeline } from './made';

function only(...given: Parameters<typeof timeline>) {
  const made = lanesOf(timeline(...given));
  return { made, lane: made.lanes[0]! };
}

test('lanes are one a person and modality, what is fused first', () => {
  const one = reading({ who: 'Anna' });
  const made = lanesOf(timeline([reading({ who: 'Ben', start: 1, end: 2 }), one, { ...one, modality: 'face' }], { fused: [{ ...one, modality: 'fused' }], people: ['Anna', 'Ben'] }));
  expect(made.lanes.map((lane) => [lane.who, lane.modality])).toEqual([['Anna', 'fused'], ['Anna', 'face'], ['Anna', 'speech'], ['Ben', 'speech']]);
  expect(made.lanes[0]!.numbers[0]).toBe(3);
});

test('a reading is found where less is kept, also where the whole covers the same stretch', () => {
  const [one, two] = [reading({ who: 'Anna' }), reading({ who: 'Ben', start: 1, end: 2 })];
  const whole = timeline([one, two], { fused: [one] });
  const kept = timeline([two], { fused: [one] });
  expect([0, 1, 2].map((number) => numberIn(kept, whole, number))).toEqual([-1, 0, 1]);
});

test('what is visible includes what began before, also behind one that ended sooner', () => {
  const { lane } = only([reading({ start: 0, end: 10 }), reading({ start: 1, end: 2 }), reading({ start: 12, end: 13 })]);
  expect(visible(lane, 5, 6)).toEqual([0, 2]);
  expect(visible(lane, 10.5, 11)).toEqual([2, 2]);
});

test('what is read at a time is the latest to begin, or what is near', () => {
  const { lane } = only([reading({ start: 0, end: 10 }), reading({ start: 1, end: 2 }), reading({ start: 12, end: 13 })]);
  expect(readAt(lane, 1.5)).toBe(1);
  expect(readAt(lane, 5)).toBe(0);
  expect(readAt(lane, 11)).toBe(-1);
  expect(readAt(lane, 11.9, 0.2)).toBe(2);
});

test('a reading of no length is found at its moment', () => {
  const { lane } = only([reading({ start: 0, end: 0 })]);
  expect(readAt(lane, 0)).toBe(0);
});

test('a column shows the label that lasts longest in it', () => {
  const { made, lane } = only([reading({ top: 'joy', start: 0, end: 0.6 }), reading({ top: 'anger', start: 0.6, end: 2 }), reading({ top: 'fear', start: 3, end: 4, abstained: true })]);
  const { label, unsure } = new LaneLevels(lane, made.labels.length, made.span).columns(gridOf(0, 4, 4));
  const names = [...label.subarray(0, 4)].map((at) => made.labels[at] ?? null);
  expect(names).toEqual(['joy', 'anger', null, 'fear']);
  expect([...unsure.subarray(0, 4)]).toEqual([0, 0, 0, 1]);
});

test('levels say what the readings say', () => {
  const made = lanesOf(long(20_000, 1));
  const lane = made.lanes[0]!;
  const grid = gridOf(0, made.span, 100);
  const shown = new LaneLevels(lane, made.labels.length, made.span).columns(grid);
  for (const column of [0, 1, 37, 98]) {
    const sums = new Map<number, number>();
    for (let at = 0; at < lane.size; at++) {
      const held = Math.min(lane.ends[at]!, (column + 1) * grid.step) - Math.max(lane.starts[at]!, column * grid.step);
      if (held > 0) sums.set(lane.tops[at]!, (sums.get(lane.tops[at]!) ?? 0) + held);
    }
    const most = Math.max(...sums.values());
    const chosen = sums.get(shown.label[column]!)!;
    expect(chosen).toBeGreaterThan(most * 0.85); // a stretch on the edge of a column may fall to its neighbour
  }
});

test('a curve keeps its lowest and highest values, and its gaps', () => {
  const plain = Array.from({ length: 10_000 }, (_, at) => reading({ start: at, end: at + 1, valence: at === 4321 ? -1 : at === 7000 ? 1 : 0 }));
  const { made, lane } = only([...plain, reading({ start: 20_000, end: 20_001 })]);
  const { times, values } = new CurveLevels(lane, made.timeline, 'valence').points(0, made.span, 200);
  const known = values.filter((value) => value !== null);
  expect(Math.min(...known)).toBe(-1);
  expect(Math.max(...known)).toBe(1);
  expect(values).toContain(null);
  expect(times.length).toBeLessThan(200 * 5);
  expect(times).toEqual([...times].sort((one, other) => one - other));
});

test('a frame of 100,000 readings takes a small part of its 33 ms', () => {
  const made = lanesOf(long(100_000));
  const levels = made.lanes.map((lane) => new LaneLevels(lane, made.labels.length, made.span));
  const curves = new CurveLevels(made.lanes[0]!, made.timeline, 'valence');
  const frame = (share: number) => {
    const width = made.span * share;
    for (const level of levels) level.columns(gridOf(width / 3, width / 3 + width, 1400));
    curves.points(width / 3, width / 3 + width, 1400);
  };
  [0.6, 0.1, 0.01].forEach(frame); // builds the levels
  const times = Array.from({ length: 45 }, (_, at) => {
    const begun = performance.now();
    frame(0.65 * 0.9 ** at);
    return performance.now() - begun;
  }).sort((one, other) => one - other);
  expect(times[22]).toBeLessThan(16); // the median: other programs may take the core for a while
});
