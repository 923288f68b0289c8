/** One timeline in numbers, and how two differ. */
import type { Reading, Timeline } from '../../api/client';
import { disagrees } from '../../timeline/disagrees';

const BATCHES = 10;
const QUANTILE = 2.262; // of Student's t at 97.5 % with 9 degrees of freedom
type Value = (reading: Reading) => number | null;

/** A mean with its standard error; null, where there are too few readings to tell. */
export interface Mean {
  mean: number;
  error: number | null;
}

export interface Summary {
  readings: number;
  abstained: number; // share of the time
  disagreements: number;
  labels: Map<string, Mean>; // mean probability
  valence: Mean | null;
  arousal: Mean | null;
  top: string | null;
}

/** What counts for the whole: what is fused, where there is more than one of it, else single readings. */
export function counted(timeline: Timeline): readonly Reading[] {
  return timeline.fused.length > 1 || !timeline.readings.length ? timeline.fused : timeline.readings;
}

export function summaryOf(timeline: Timeline): Summary {
  const readings = [...counted(timeline)].sort((one, other) => one.start - other.start);
  const names = [...new Set(readings.flatMap((one) => Object.keys(one.scores)))];
  const labels = new Map(names.map((name) => [name, meanOf(readings, (one) => one.scores[name] ?? null)!]));
  const best = [...labels].sort((one, other) => other[1].mean - one[1].mean)[0];
  return {
    readings: readings.length,
    abstained: meanOf(readings, (one) => (one.abstained ? 1 : 0))?.mean ?? 0,
    disagreements: timeline.fused.filter(disagrees).length,
    labels,
    valence: meanOf(readings, (one) => one.valence),
    arousal: meanOf(readings, (one) => one.arousal),
    top: best?.[0] ?? null,
  };
}

/**
 * The mean over time. Neighbouring readings are alike, so the error comes from the means of ten stretches of equally many readings
 * (batch means; Law and Kelton, Simulation Modeling and Analysis), not from single readings, which would make it too small.
 */
export function meanOf(readings: readonly Reading[], value: Value): Mean | null {
  const known = readings.flatMap((one): [number, number][] => {
    const given = value(one);
    return given === null ? [] : [[given, Math.max(one.end - one.start, 1e-6)]];
  });
  if (!known.length) return null;
  const mean = weighted(known);
  if (known.length < 2 * BATCHES) return { mean, error: null };
  const means = Array.from({ length: BATCHES }, (_, at) => weighted(known.slice(Math.floor((at * known.length) / BATCHES), Math.floor(((at + 1) * known.length) / BATCHES))));
  const middle = means.reduce((sum, one) => sum + one, 0) / BATCHES;
  const spread = means.reduce((sum, one) => sum + (one - middle) ** 2, 0) / (BATCHES - 1);
  return { mean, error: Math.sqrt(spread / BATCHES) };
}

/** By how much the second is more than the first, with a 95 % interval where both have an error. */
export function difference(one: Mean | null | undefined, other: Mean | null | undefined): { by: number; low: number | null; high: number | null } | null {
  if (!one || !other) return null;
  const by = other.mean - one.mean;
  if (one.error === null || other.error === null) return { by, low: null, high: null };
  const half = QUANTILE * Math.hypot(one.error, other.error);
  return { by, low: by - half, high: by + half };
}

function weighted(pairs: readonly [number, number][]): number {
  const total = pairs.reduce((sum, [, weight]) => sum + weight, 0);
  return pairs.reduce((sum, [value, weight]) => sum + value * weight, 0) / total;
}

/** What a list tells of a timeline: the likeliest label of the whole with its mean probability, and how often modalities disagree. */
export function glance(timeline: Timeline): { top: string | null; share: number; disagreements: number } {
  const sums = new Map<string, number>();
  let total = 0;
  for (const one of timeline.fused.length ? timeline.fused : timeline.readings) {
    const weight = Math.max(one.end - one.start, 1e-6);
    for (const name in one.scores) sums.set(name, (sums.get(name) ?? 0) + weight * one.scores[name]!);
    if (one.top !== null) total += weight;
  }
  const best = [...sums].sort((one, other) => other[1] - one[1])[0];
  const disagreements = timeline.fused.filter(disagrees).length;
  return { top: best?.[0] ?? null, share: best ? best[1] / total : 0, disagreements };
}
