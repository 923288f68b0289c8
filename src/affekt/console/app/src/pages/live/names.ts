/** What people and readings are called in the live view. */
import type { Reading } from '../../api/client';
import { topName } from '../../timeline/names';
import { say } from '../../words/index.svelte';

const GIVEN = /^(person|face|speaker|voice) (\d+)( · \d+)?$/;

/** What a person is called: "face 2" is "Face 2", or "面孔 2"; other names are as they are. */
export function personName(who: string | null): string {
  if (!who) return say('live.somebody');
  const found = GIVEN.exec(who);
  if (!found) return who;
  return say(`live.${found[1] as 'person' | 'face' | 'speaker' | 'voice'}_number`, { number: found[2]! }) + (found[3] ?? '');
}

/** What a reading says: its label, or that it is not sure. */
export function said(reading: Reading): string {
  return reading.abstained ? say('shell.unsure') : topName(reading);
}
