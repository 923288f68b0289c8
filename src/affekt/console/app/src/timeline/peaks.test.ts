import { expect, test } from 'vitest';
import { Peaks } from './peaks';

test('a loud moment is seen however much falls on one column', () => {
  const finest = new Uint8Array(360_000); // an hour
  finest[123_456] = 255;
  const peaks = new Peaks(finest);
  expect(peaks.between(1234.55, 1234.57)).toBe(1);
  expect(peaks.between(1000, 1500)).toBe(1);
  expect(peaks.between(0, 3600)).toBe(1);
  expect(peaks.between(2000, 2500)).toBe(0);
});
