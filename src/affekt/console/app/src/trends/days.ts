/** Days as a chart takes them: one place a day, also for those on which nothing was kept. */
import type { components } from '../api/schema';

type Schemas = components['schemas'];
export type Trends = Schemas['Trends'];
export type Day = Trends['days'][number];
export type Estimate = NonNullable<Day['valence']>;

/** A curve with its 95 % band; all arrays are as long as the days. */
export interface Curve {
  mean: (number | null)[];
  low: (number | null)[];
  high: (number | null)[];
  alone: boolean[]; // the band is of one session's readings, not of sessions
}

/** All days from the first to the last, with `null` for those without readings. */
export function calendar(days: readonly Day[]): { at: Date; day: Day | null }[] {
  const [first, last] = [days[0], days.at(-1)];
  if (!first || !last) return [];
  const known = new Map(days.map((day) => [day.day, day]));
  const [year, month, date] = partsOf(first.day);
  const all: { at: Date; day: Day | null }[] = [];
  for (let ahead = 0; ; ahead += 1) {
    const at = new Date(year, month - 1, date + ahead); // midnight here, also where clocks were changed
    const name = isoDay(at);
    all.push({ at, day: known.get(name) ?? null });
    if (name >= last.day) return all;
  }
}

/** What `pick` finds in each day. */
export function curve(days: readonly { day: Day | null }[], pick: (day: Day) => Estimate | null | undefined): Curve {
  const found = days.map(({ day }) => (day ? (pick(day) ?? null) : null));
  return {
    mean: found.map((one) => one?.mean ?? null),
    low: found.map((one) => one?.low ?? null),
    high: found.map((one) => one?.high ?? null),
    alone: found.map((one) => one?.of === 'readings'),
  };
}

/** Labels of some days, the most likely first. */
export function labelsOf(days: readonly Day[]): string[] {
  const sums = new Map<string, number>();
  for (const day of days) {
    for (const [label, { mean }] of Object.entries(day.labels)) sums.set(label, (sums.get(label) ?? 0) + mean * day.sessions);
  }
  return [...sums].sort((one, other) => other[1] - one[1]).map(([label]) => label);
}

/** A day of the server ("2026-11-02") at midnight of this browser's clock. */
export function dateOf(day: string): Date {
  const [year, month, date] = partsOf(day);
  return new Date(year, month - 1, date);
}

/** A day of this browser's clock, as the server writes it. */
export function isoDay(at: Date): string {
  return [at.getFullYear(), at.getMonth() + 1, at.getDate()].map((part) => String(part).padStart(2, '0')).join('-');
}

function partsOf(day: string): [number, number, number] {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  return [year, month, date];
}
