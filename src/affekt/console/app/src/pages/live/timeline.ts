/** The timeline of a live view: of one stream, or of several after one another where a stream was lost. */
import type { Event, Reading, Timeline } from '../../api/client';
import type { Kept } from './kept';

/** One stream. Args: number: counts those in which something was read. offset: seconds of the view at which it began. timeline: what the server made of it; null: that never came. */
export interface Part {
  number: number;
  offset: number;
  kept: Kept;
  timeline: Timeline | null;
  end: number; // seconds of the view
}

export interface Mark {
  time: number;
  note: string;
}

/**
 * One timeline of all; null: nothing was read.
 * Args: given: names that people have of their own; others are told apart anew in each stream, so "face 1" of the second is "face 1 · 2".
 * called: what a person turned out to be called, where the server did not say all that it knew.
 */
export function joined(parts: readonly Part[], marks: readonly Mark[], given: ReadonlySet<string>, called = (who: string) => who): Timeline | null {
  const made = parts.map((part) => ({ part, timeline: part.timeline ?? whole(part) })).filter(({ timeline }) => timeline.readings.length || timeline.fused.length);
  if (!made.length) return null;
  const moved = made.map(({ part, timeline }) => shifted(timeline, part.offset, (who) => {
    const name = nameIn(part.number, who, given);
    return part.timeline ? name : called(name);
  }));
  const transcripts = moved.map((one) => one.transcript).filter((one): one is string => Boolean(one));
  return {
    source: 'stream',
    duration: rounded(Math.max(...moved.map((one) => one.duration), ...marks.map((mark) => mark.time))),
    unit: 'seconds',
    labels: moved[0]!.labels,
    people: [...new Set(moved.flatMap((one) => one.people))],
    transcript: moved.length === 1 ? moved[0]!.transcript : transcripts.join('\n') || null,
    readings: moved.flatMap((one) => one.readings),
    fused: moved.flatMap((one) => one.fused),
    warnings: [...new Set(moved.flatMap((one) => one.warnings))],
    events: moved.flatMap((one) => one.events),
    marks: [...marks].sort((one, other) => one.time - other.time).map(({ time, note }) => ({ time: rounded(time), note })),
  };
}

/** What somebody of the first, second, … stream is called. */
export function nameIn(number: number, who: string, given: ReadonlySet<string>): string {
  return number === 1 || given.has(who) ? who : `${who} · ${number}`;
}

/** A timeline of what was told, where that of the server never came. */
function whole({ offset, kept, end }: Part): Timeline {
  const all = kept.readings();
  const readings = all.filter((one) => one.modality !== 'fused').map((one) => ({ ...one, words: null }));
  const people = [...new Set(all.map((one) => one.who).filter((who): who is string => who !== null))];
  const duration = Math.max(end - offset, ...all.map((one) => one.end));
  const fused = all.filter((one) => one.modality === 'fused').map((one) => ({ ...one, words: null }));
  const labels = all[0]?.labels ?? '';
  const common = { source: 'stream', unit: 'seconds' as const, warnings: [], marks: [], transcript: null };
  return { ...common, duration, labels, people, readings, fused, events: kept.events };
}

function shifted(timeline: Timeline, offset: number, name: (who: string) => string): Timeline {
  const called = (who: string | null) => (who === null ? null : name(who));
  const later = (seconds: number) => rounded(seconds + offset);
  const reading = (one: Reading): Reading => ({ ...one, who: called(one.who), start: later(one.start), end: later(one.end), span: offset ? null : one.span });
  const event = (one: Event): Event => ({ ...one, who: called(one.who), onset: later(one.onset), apex: later(one.apex), offset: later(one.offset) });
  return {
    ...timeline,
    duration: timeline.duration + offset,
    people: [...new Set(timeline.people.map(name))],
    readings: timeline.readings.map(reading),
    fused: timeline.fused.map(reading),
    events: timeline.events.map(event),
  };
}

function rounded(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
