/** A timeline as the chart needs it: one lane a person and modality, in typed arrays sorted by time. */
import type { Reading, Timeline } from '../api/client';
import { disagrees } from './disagrees';

export type Modality = Reading['modality'];
const ORDER: Modality[] = ['fused', 'face', 'speech', 'text'];
const SAME = ['modality', 'who', 'start', 'end', 'model'] as const; // by which a reading is known

export interface Lane {
  id: string;
  who: string | null;
  modality: Modality;
  size: number;
  starts: Float64Array;
  ends: Float64Array;
  reach: Float64Array; // the latest end up to here, for readings may overlap; it grows, so it can be searched
  tops: Int16Array; // index into `labels`; -1: only dimensions
  unsure: Uint8Array;
  disagrees: Uint8Array;
  numbers: Int32Array; // of the reading in the timeline, by which feedback names it
}

export interface Lanes {
  lanes: Lane[];
  labels: string[];
  span: number; // seconds or characters from 0
  timeline: Timeline;
}

/** The reading of a number: those of single modalities first, then the fused ones. */
export function readingOf(timeline: Timeline, number: number): Reading | undefined {
  const single = timeline.readings.length;
  return number < single ? timeline.readings[number] : timeline.fused[number - single];
}

/** The number that a reading of one timeline has in another, of which less may be kept; -1: it is not there. */
export function numberIn(other: Timeline, timeline: Timeline, number: number): number {
  const wanted = readingOf(timeline, number);
  if (!wanted) return -1;
  const same = (one: Reading) => SAME.every((name) => one[name] === wanted[name]);
  if (number < timeline.readings.length) return other.readings.findIndex(same);
  const at = other.fused.findIndex(same); // that of a whole text may cover the same stretch as its only sentence
  return at < 0 ? -1 : other.readings.length + at;
}

/** The lanes of a timeline: people in order of appearance, of each first what is fused. */
export function lanesOf(timeline: Timeline): Lanes {
  const grouped = new Map<string, { reading: Reading; number: number }[]>();
  const labels: string[] = [];
  const index = new Map<string, number>();
  let span = Math.max(timeline.duration, 1e-3);
  const single = timeline.readings.length;
  const take = (reading: Reading, number: number, modality: Modality) => {
    const id = laneId(reading.who, modality);
    const group = grouped.get(id);
    if (group) group.push({ reading, number });
    else grouped.set(id, [{ reading, number }]);
    for (const label in reading.scores) {
      if (!index.has(label)) index.set(label, labels.push(label) - 1);
    }
    if (reading.end > span) span = reading.end;
  };
  timeline.readings.forEach((reading, at) => take(reading, at, reading.modality));
  timeline.fused.forEach((reading, at) => take(reading, single + at, 'fused'));
  const lanes = [...grouped].map(([id, group]) => laneOf(id, group, index));
  const people = new Map(timeline.people.map((who, at) => [who, at]));
  const place = (lane: Lane) => (lane.who === null ? -1 : (people.get(lane.who) ?? people.size));
  lanes.sort((one, other) => place(one) - place(other) || ORDER.indexOf(one.modality) - ORDER.indexOf(other.modality));
  return { lanes, labels, span, timeline };
}

export function laneId(who: string | null, modality: Modality): string {
  return JSON.stringify([who, modality]);
}

function laneOf(id: string, group: { reading: Reading; number: number }[], index: Map<string, number>): Lane {
  group.sort((one, other) => one.reading.start - other.reading.start || one.reading.end - other.reading.end);
  const size = group.length;
  const [who, modality] = JSON.parse(id) as [string | null, Modality];
  const lane: Lane = {
    id, who, modality, size,
    starts: new Float64Array(size), ends: new Float64Array(size), reach: new Float64Array(size),
    tops: new Int16Array(size), unsure: new Uint8Array(size), disagrees: new Uint8Array(size), numbers: new Int32Array(size),
  };
  let reach = 0;
  group.forEach(({ reading, number }, at) => {
    reach = Math.max(reach, reading.end);
    lane.starts[at] = reading.start;
    lane.ends[at] = reading.end;
    lane.reach[at] = reach;
    lane.tops[at] = reading.top === null ? -1 : (index.get(reading.top) ?? -1);
    lane.unsure[at] = reading.abstained ? 1 : 0;
    lane.disagrees[at] = Number(disagrees(reading));
    lane.numbers[at] = number;
  });
  return lane;
}

/** First and one past the last index of what may be seen between two times. */
export function visible(lane: Lane, from: number, to: number): [number, number] {
  return [after(lane.reach, from, lane.size), after(lane.starts, to, lane.size)];
}

/** Index in the lane of what is read at a time: the latest to begin, or one that ended or begins at most `near` away; -1: nothing. */
export function readAt(lane: Lane, time: number, near = 0): number {
  let best = -1;
  let least = near;
  const [first, last] = visible(lane, time - near - 1e-9, time + near);
  for (let at = last - 1; at >= first; at--) {
    const away = Math.max(lane.starts[at]! - time, time - lane.ends[at]!, 0);
    if (away === 0 && (time < lane.ends[at]! || lane.starts[at] === lane.ends[at])) return at;
    if (away <= least && (best < 0 || away < least)) [best, least] = [at, away];
  }
  return best;
}

/** How many of sorted values are at most `value`. */
function after(sorted: Float64Array, value: number, size: number): number {
  let [low, high] = [0, size];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
