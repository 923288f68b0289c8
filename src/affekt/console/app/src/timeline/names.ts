/** What lanes and readings are called. */
import type { Reading, Timeline } from '../api/client';
import { labelName } from '../labels.svelte';
import { say } from '../words/index.svelte';

const GIVEN = /^(person|face|speaker|voice) (\d+)( · \d+)?$/;

/** What a person is called: "face 2" is "Face 2", or "面孔 2"; other names are as they are. */
export function whoName(who: string): string {
  const found = GIVEN.exec(who);
  if (!found) return who;
  return say(`shell.${found[1] as 'person' | 'face' | 'speaker' | 'voice'}_number`, { number: found[2]! }) + (found[3] ?? '');
}

/** "Anna · voice". */
export function laneName({ who, modality }: Pick<Reading, 'who' | 'modality'>): string {
  const sense = say(`shell.${modality}`);
  return who === null ? sense : `${whoName(who)} · ${sense}`;
}

/** The same of a reading; that of a whole text is said to be that. Args: number: as feedback has it. */
export function readingName(timeline: Timeline, number: number, reading: Reading): string {
  const whole = number >= timeline.readings.length && reading.modality !== 'fused';
  return whole ? say('shell.whole') : laneName(reading);
}

/** The top label as people read it; or that none applies, or that there are only dimensions. */
export function topName(reading: Reading): string {
  if (reading.top === null) return say('analyse.only_dimensions');
  if (!reading.single && !reading.present.length && !reading.abstained) return say('shell.none');
  return labelName(reading.top);
}
