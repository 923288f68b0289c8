/** What people and readings are called in the live view. */
import type { Reading } from '../../api/client';
import { topName, whoName } from '../../timeline/names';
import { say } from '../../words/index.svelte';

/** What a person is called. */
export function personName(who: string | null): string {
  return who ? whoName(who) : say('live.somebody');
}

/** What a reading says: its label, or that it is not sure. */
export function said(reading: Reading): string {
  return reading.abstained ? say('shell.unsure') : topName(reading);
}
