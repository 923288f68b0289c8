/**
 * What a live view shows: for each person and modality the last minute, what is said of them now, and the lines that were spoken. Readings
 * come as the server tells them; provisional ones give way, and names change when a face and a voice turn out to be one person.
 */
import type { Reading } from '../../api/client';
import type { Place } from '../../ui/Plane.svelte';
import { Lines, type Line } from './lines';

export type Modality = Reading['modality'];
export const MODALITIES: readonly Modality[] = ['fused', 'speech', 'face', 'text'];
export const SHOWN = 60; // seconds of the bands
const KEPT = SHOWN + 10; // seconds, so that what is just out of sight can still be drawn
const STALE = 3; // seconds after which a provisional reading that nothing came after is no more
const TRAIL = 24; // places of the trail, and seconds between two of them
const STEP = 0.4;
const UNNAMED = /^(face|speaker|person) \d/; // names that the server gives to who has none

/** One person's readings of one modality, in order of time; `dirty` is the stretch that is to be drawn anew. */
export interface Lane {
  who: string;
  modality: Modality;
  readings: Reading[];
  dirty: [number, number] | null;
}

/** One person now; `readings` has the newest of each modality. */
export interface Person {
  who: string; // '': somebody whose name is not known yet
  seen: number; // seconds, when something was read of them last
  readings: Partial<Record<Modality, Reading>>;
  trail: readonly Place[];
}

export class Board {
  lanes: Lane[] = [];
  people: readonly Person[] = [];
  layout = 0; // counts changes of which lanes there are
  changed = false;
  private persons = new Map<string, Person>();
  private aliases = new Map<string, string>();
  private placed = new Map<string, number>(); // who → when the last place of their trail was taken
  private speaker = ''; // who spoke last
  private readonly spoken = new Lines();

  get lines(): readonly Line[] {
    return this.spoken.all;
  }

  /** What a person is called by now who had this name. */
  called(who: string | null): string {
    let name = who ?? '';
    while (this.aliases.has(name)) name = this.aliases.get(name)!;
    return name;
  }

  /** Takes in a reading. Times are those of the view. */
  take(reading: Reading): void {
    this.changed = true;
    if (reading.modality === 'fused') this.join(reading);
    const who = this.owner(reading);
    if (reading.modality === 'speech') {
      this.drop('speech', null, (one) => one.provisional);
      if (!reading.provisional) this.speaker = who;
      if (!reading.provisional && who) this.forget('');
    } else if (reading.modality === 'fused') {
      this.drop('fused', who, (one) => one.provisional || (one.start >= reading.start && one.start < reading.end));
      if (speaks(reading)) this.drop('fused', null, (one) => one.provisional && speaks(one)); // it was taken for somebody else's
    } else this.drop(reading.modality, who, (one) => one.start === reading.start);
    this.put(this.lane(who, reading.modality), reading);
    this.spoken.take(reading, who);
    this.note(who, reading);
  }

  /** Forgets what is out of sight, and provisional readings that nothing came of. */
  sweep(now: number): void {
    for (const lane of this.lanes) {
      const old = lane.readings.findIndex((one) => one.end > now - KEPT);
      lane.readings.splice(0, old < 0 ? lane.readings.length : old);
    }
    for (const modality of ['speech', 'fused'] as const) this.drop(modality, null, (one) => one.provisional && one.end < now - STALE);
    if (this.spoken.sweep(now - STALE)) this.changed = true;
    const left = this.lanes.filter((lane) => lane.readings.length);
    if (left.length !== this.lanes.length) this.arrange(left);
    for (const [who, person] of this.persons) if (person.seen < now - KEPT) this.forget(who);
    if ((this.persons.get('')?.seen ?? now) < now - STALE) this.forget('');
  }

  /** What is to be shown, made anew for whoever has changed; once a frame. */
  settle(): void {
    this.changed = false;
    this.people = [...this.persons.values()].sort((one, other) => one.who.localeCompare(other.who, 'en', { numeric: true }));
  }

  /** The newest reading of a modality that holds a moment. */
  at(lane: Lane, time: number): Reading | undefined {
    return lane.readings.findLast((one) => one.start <= time && time < one.end);
  }

  /** Somebody is shown no longer; who has no name yet, only if all of it was provisional. */
  private forget(who: string): void {
    const readings = Object.values(this.persons.get(who)?.readings ?? {});
    if (who === '' && readings.some((one) => !one.provisional)) return;
    if (this.persons.delete(who)) this.changed = true;
  }

  /** Whose a reading is; a voice that has no name yet is of the person for whom it counts, else of who is alone, else of who spoke last. */
  private owner(reading: Reading): string {
    if (reading.who !== null) return this.called(reading.who);
    if (reading.modality !== 'speech') return '';
    const counted = this.lanes.find((lane) => lane.modality === 'fused' && lane.readings.at(-1)?.provisional && lane.readings.at(-1)?.start === reading.start);
    const known = [...this.persons.keys()].filter(Boolean);
    return counted?.who ?? (known.length === 1 ? known[0]! : this.persons.has(this.speaker) ? this.speaker : '');
  }

  /** "face 2" is "person 2" from when that name is said; and the voice whose utterance a fused reading is of has its name. */
  private join(fused: Reading): void {
    const who = fused.who ?? '';
    if (/^(face|speaker) \d/.test(who) || !who) return;
    if (UNNAMED.test(who)) this.rename(who.replace('person', 'face'), who);
    const others = UNNAMED.test(who) ? /^speaker \d/ : UNNAMED;
    const voice = this.lanes.find((lane) => lane.modality === 'speech' && others.test(lane.who) && lane.readings.some((one) => one.start === fused.start));
    if (voice && speaks(fused)) this.rename(voice.who, who);
  }

  private rename(before: string, after: string): void {
    if (before === after || this.aliases.has(before)) return;
    this.aliases.set(before, after);
    for (const lane of this.lanes.filter((one) => one.who === before)) {
      const into = this.lane(after, lane.modality);
      for (const reading of lane.readings) this.put(into, reading);
    }
    this.arrange(this.lanes.filter((one) => one.who !== before));
    const person = this.persons.get(before);
    this.persons.delete(before);
    if (person && !this.persons.has(after)) this.persons.set(after, { ...person, who: after });
    this.spoken.rename(before, after);
  }

  private lane(who: string, modality: Modality): Lane {
    const found = this.lanes.find((lane) => lane.who === who && lane.modality === modality);
    if (found) return found;
    const made: Lane = { who, modality, readings: [], dirty: null };
    this.arrange([...this.lanes, made]);
    return made;
  }

  private arrange(lanes: Lane[]): void {
    const order = (lane: Lane) => MODALITIES.indexOf(lane.modality);
    this.lanes = lanes.sort((one, other) => one.who.localeCompare(other.who, 'en', { numeric: true }) || order(one) - order(other));
    this.layout += 1;
  }

  private put(lane: Lane, reading: Reading): void {
    let at = lane.readings.length;
    while (at > 0 && lane.readings[at - 1]!.start > reading.start) at -= 1;
    lane.readings.splice(at, 0, reading);
    soil(lane, reading);
  }

  private drop(modality: Modality, who: string | null, which: (reading: Reading) => boolean): void {
    for (const lane of this.lanes) {
      if (lane.modality !== modality || (who !== null && lane.who !== who)) continue;
      const gone = lane.readings.filter(which);
      if (!gone.length) continue;
      gone.forEach((one) => soil(lane, one));
      lane.readings = lane.readings.filter((one) => !which(one));
    }
  }

  private note(who: string, reading: Reading): void {
    const before = this.persons.get(who);
    const person: Person = before
      ? { ...before, seen: Math.max(before.seen, reading.end), readings: { ...before.readings, [reading.modality]: reading } }
      : { who, seen: reading.end, readings: { [reading.modality]: reading }, trail: [] };
    person.trail = this.trailed(person, reading);
    this.persons.set(who, person);
  }

  private trailed({ who, trail, readings }: Person, { modality, valence, arousal, top, end, abstained }: Reading): readonly Place[] {
    if (valence === null || arousal === null || abstained || (readings.fused && modality !== 'fused')) return trail;
    const place = { valence, arousal, label: top };
    if (end - (this.placed.get(who) ?? -Infinity) < STEP) return [...trail.slice(0, -1), place];
    this.placed.set(who, end);
    return [...trail.slice(1 - TRAIL), place];
  }
}

/** Whether a voice counts in a fused reading: there is one voice at a time. */
function speaks(fused: Reading): boolean {
  return fused.shares?.speech !== undefined;
}

function soil(lane: Lane, { start, end }: Reading): void {
  lane.dirty = lane.dirty ? [Math.min(lane.dirty[0], start), Math.max(lane.dirty[1], end)] : [start, end];
}
