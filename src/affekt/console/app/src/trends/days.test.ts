import { describe, expect, it } from 'vitest';
import { calendar, curve, dateOf, isoDay, labelsOf, type Day } from './days';

const estimate = (mean: number, of: 'sessions' | 'readings' = 'sessions') => ({ mean, low: mean - 0.1, high: mean + 0.1, of });
const day = (name: string, mean: number, sessions = 2): Day => ({
  day: name, sessions, readings: 4, valence: estimate(mean, sessions > 1 ? 'sessions' : 'readings'), arousal: null,
  labels: { joy: estimate(mean), sadness: estimate(1 - mean) },
});

describe('days', () => {
  it('keep their place where nothing was kept between them', () => {
    const all = calendar([day('2026-02-27', 0.2), day('2026-03-02', 0.4)]);
    expect(all.map(({ at, day }) => [isoDay(at), day?.valence?.mean ?? null])).toEqual([
      ['2026-02-27', 0.2], ['2026-02-28', null], ['2026-03-01', null], ['2026-03-02', 0.4],
    ]);
  });

  it('are none where there are none', () => {
    expect(calendar([])).toEqual([]);
    expect(labelsOf([])).toEqual([]);
  });

  it('make curves with gaps, and say which days have one session alone', () => {
    const made = curve(calendar([day('2026-05-01', 0.2, 1), day('2026-05-03', 0.4)]), (one) => one.valence);
    expect(made.mean).toEqual([0.2, null, 0.4]);
    expect(made.low[1]).toBeNull();
    expect(made.alone).toEqual([true, false, false]);
  });

  it('have no curve of what is not known', () => {
    expect(curve(calendar([day('2026-05-01', 0.2)]), (one) => one.arousal).mean).toEqual([null]);
  });

  it('weigh labels by sessions', () => {
    expect(labelsOf([day('2026-05-01', 0.9, 1), day('2026-05-02', 0.2, 8)])).toEqual(['sadness', 'joy']);
  });

  it('are of the clock of the browser', () => {
    expect(dateOf('2026-03-29').getHours()).toBe(0);
    expect(isoDay(dateOf('2026-03-29'))).toBe('2026-03-29');
  });
});
