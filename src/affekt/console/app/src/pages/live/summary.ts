/** A timeline in numbers, person by person. */
import type { Reading, Timeline } from '../../api/client';
import { disagrees } from '../../timeline/disagrees';

export interface Told {
  who: string | null;
  readings: number; // of single modalities
  unsure: number; // of those that count: how many are not sure enough
  shares: Record<string, number>; // label → its share of the time in which readings are sure enough
  valence: number | null; // means over time
  arousal: number | null;
  disagreements: number;
}

/** What is said of each person; of nobody in particular last. */
export function told(timeline: Timeline): Told[] {
  const all = [...timeline.readings, ...timeline.fused];
  const people: (string | null)[] = [...timeline.people, ...(all.some((one) => one.who === null) ? [null] : [])];
  return people.map((who) => of(timeline, who)).filter((one) => one.readings > 0 || Object.keys(one.shares).length > 0);
}

function of(timeline: Timeline, who: string | null): Told {
  const mine = timeline.readings.filter((one) => one.who === who);
  const fused = timeline.fused.filter((one) => one.who === who);
  const counted = fused.length ? fused : mine; // a fused reading speaks for those that it is made of
  const sure = counted.filter((one) => !one.abstained);
  return {
    who,
    readings: mine.length,
    unsure: counted.length - sure.length,
    shares: shares(sure),
    valence: mean(sure, 'valence'),
    arousal: mean(sure, 'arousal'),
    disagreements: fused.filter(disagrees).length,
  };
}

function length({ start, end }: Reading): number {
  return Math.max(end - start, 1e-3);
}

function shares(readings: readonly Reading[]): Record<string, number> {
  const sums = new Map<string, number>();
  let all = 0;
  for (const one of readings) {
    for (const label of one.present) sums.set(label, (sums.get(label) ?? 0) + length(one));
    all += length(one);
  }
  return Object.fromEntries([...sums].map(([label, sum]) => [label, sum / all]));
}

function mean(readings: readonly Reading[], name: 'valence' | 'arousal'): number | null {
  const known = readings.filter((one) => one[name] !== null);
  const weight = known.reduce((sum, one) => sum + length(one), 0);
  return weight ? known.reduce((sum, one) => sum + one[name]! * length(one), 0) / weight : null;
}
