import { expect, test } from 'vitest';
import { long, reading, timeline } from '../../timeline/made';
import { counted, difference, meanOf, summaryOf } from './summary';

test('long readings weigh more than short ones', () => {
  const made = summaryOf(timeline([reading({ top: 'joy', start: 0, end: 9, valence: 1 }), reading({ top: 'anger', start: 9, end: 10, valence: -1 })]));
  expect(made.valence!.mean).toBeCloseTo(0.8);
  expect(made.top).toBe('joy');
  expect(made.valence!.error).toBeNull();
});

test('where readings are fused these count, but not the one of a whole text', () => {
  const [one, two] = [reading(), reading({ start: 1, end: 2 })];
  expect(counted(timeline([one, two], { fused: [one] }))).toHaveLength(2);
  expect(counted(timeline([one], { fused: [one, two] }))).toHaveLength(2);
  expect(counted(timeline([], { fused: [one] }))).toHaveLength(1);
});

test('disagreements and what is unsure are counted', () => {
  const fused = [reading({ modality: 'fused', disagreement: 0.6, abstained: true }), reading({ modality: 'fused', start: 1, end: 4, disagreement: 0.4 })];
  const made = summaryOf(timeline([reading()], { fused }));
  expect([made.disagreements, made.abstained]).toEqual([1, 0.25]);
});

test('the interval of a difference holds the truth in about 95 of 100', () => {
  let seed = 7;
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  const noisy = (middle: number) => {
    let last = 0;
    return Array.from({ length: 400 }, (_, at) => reading({ start: at, end: at + 1, valence: Math.max(-1, Math.min(1, middle + (last = 0.8 * last + 0.1 * (random() - 0.5)))) }));
  };
  let held = 0;
  for (let run = 0; run < 200; run++) {
    const [one, other] = [noisy(0), noisy(0.2)].map((readings) => meanOf(readings, (given) => given.valence));
    const { low, high } = difference(one, other)!;
    if (low! <= 0.2 && high! >= 0.2) held += 1;
  }
  expect(held / 200).toBeGreaterThan(0.9);
  expect(held / 200).toBeLessThan(1);
});

test('a hundred thousand readings are summed in good time', () => {
  const made = long(100_000);
  const begun = performance.now();
  summaryOf(made);
  expect(performance.now() - begun).toBeLessThan(5000);
});
