/** What lanes and readings are called. */
import type { Reading } from '../api/client';
import { labelName } from '../labels.svelte';
import { say } from '../words/index.svelte';

/** "Anna · voice". */
export function laneName({ who, modality }: Pick<Reading, 'who' | 'modality'>): string {
  const sense = say(`shell.${modality}`);
  return who === null ? sense : `${who} · ${sense}`;
}

/** The top label as people read it; that none applies, or that it is not sure. */
export function topName(reading: Reading): string {
  if (reading.top === null) return say('analyse.only_dimensions');
  if (!reading.single && !reading.present.length && !reading.abstained) return say('shell.none');
  return labelName(reading.top);
}
