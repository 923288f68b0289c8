import { expect, test } from 'vitest';
import { holding, panned, within, zoomed } from './range';

test('zooming keeps what is under the pointer', () => {
  const closer = zoomed({ from: 0, to: 100 }, 100, 2, 20);
  expect(closer).toEqual({ from: 10, to: 60 });
  expect((20 - closer.from) / (closer.to - closer.from)).toBeCloseTo(0.2);
});

test('nothing outside the whole is seen', () => {
  expect(zoomed({ from: 10, to: 60 }, 100, 0.1)).toEqual({ from: 0, to: 100 });
  expect(panned({ from: 10, to: 60 }, 100, -50)).toEqual({ from: 0, to: 50 });
  expect(panned({ from: 10, to: 60 }, 100, 90)).toEqual({ from: 50, to: 100 });
  expect(within(99, 0, 100).to - within(99, 0, 100).from).toBeCloseTo(0.001);
});

test('a moment that is out of sight brings its part with it', () => {
  expect(holding({ from: 0, to: 10 }, 100, 5)).toEqual({ from: 0, to: 10 });
  expect(holding({ from: 0, to: 10 }, 100, 50)).toEqual({ from: 49, to: 59 });
});
