import { expect, test } from 'vitest';
import { Latencies } from './latency';

test('half and 95 of 100 of what was shown lately', () => {
  const all = new Latencies();
  expect(all.percentiles(0)).toBeNull();
  for (let took = 1; took <= 100; took += 1) all.add(took, took);
  expect(all.percentiles(100)).toEqual({ half: 50, most: 95 });
  expect(all.percentiles(30_090)).toEqual({ half: 95, most: 100 });
  expect(all.percentiles(60_000)).toBeNull();
});

test('what is old takes no memory', () => {
  const all = new Latencies();
  for (let at = 0; at < 3_600_000; at += 80) all.add(100, at);
  expect((all as unknown as { taken: unknown[] }).taken.length).toBeLessThan(700);
});
