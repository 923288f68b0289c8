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
  const transcripts: string[] = [];
  const moved = made.map(({ part, timeline }) => {
    const before = lengthOf(transcripts.map((one) => `${one}\n`).join(''));
    if (timeline.transcript) transcripts.push(timeline.transcript);
    return shifted(timeline, { seconds: part.offset, letters: before }, (who) => {
      const name = nameIn(part.number, who, given);
      return part.timeline ? name : called(name);
    });
  });
  return {
    source: 'stream',
    duration: rounded(Math.max(...moved.map((one) => one.duration), ...marks.map((mark) => mark.time))),
    unit: 'seconds',
    labels: moved[0]!.labels,
    people: [...new Set(moved.flatMap((one) => one.people))],
    transcript: transcripts.join('\n') || null,
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
  const { transcript, spans } = said(all);
  const readings = all.filter((one) => one.modality !== 'fused').map((one) => ({ ...one, words: null, span: spans.get(one) ?? null }));
  const people = [...new Set(all.map((one) => one.who).filter((who): who is string => who !== null))];
  const duration = all.reduce((last, one) => Math.max(last, one.end), end - offset);
  const fused = all.filter((one) => one.modality === 'fused').map((one) => ({ ...one, words: null }));
  const labels = all[0]?.labels ?? '';
  const common = { source: 'stream', unit: 'seconds' as const, warnings: [], marks: [], transcript };
  return { ...common, duration, labels, people, readings, fused, events: kept.events };
}

/** What was said, a line a reading, and where in it each reading's words are. */
function said(readings: readonly Reading[]): { transcript: string | null; spans: Map<Reading, [number, number]> } {
  const spans = new Map<Reading, [number, number]>();
  const lines: string[] = [];
  let at = 0;
  for (const one of readings) {
    const line = one.modality === 'text' ? one.words?.trim() : '';
    if (!line) continue;
    spans.set(one, [at, at + lengthOf(line)]);
    lines.push(line);
    at += lengthOf(line) + 1;
  }
  return { transcript: lines.join('\n') || null, spans };
}

/** Characters as the server counts them: an emoji is one. */
function lengthOf(text: string): number {
  return [...text].length;
}

function shifted(timeline: Timeline, by: { seconds: number; letters: number }, name: (who: string) => string): Timeline {
  const called = (who: string | null) => (who === null ? null : name(who));
  const later = (seconds: number) => rounded(seconds + by.seconds);
  const span = (one: Reading) => one.span && one.span.map((at) => at + by.letters);
  const reading = (one: Reading): Reading => ({ ...one, who: called(one.who), start: later(one.start), end: later(one.end), span: span(one) });
  const event = (one: Event): Event => ({ ...one, who: called(one.who), onset: later(one.onset), apex: later(one.apex), offset: later(one.offset) });
  return {
    ...timeline,
    duration: timeline.duration + by.seconds,
    people: [...new Set(timeline.people.map(name))],
    readings: timeline.readings.map(reading),
    fused: timeline.fused.map(reading),
    events: timeline.events.map(event),
  };
}

function rounded(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
