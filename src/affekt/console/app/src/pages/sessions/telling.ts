/** What lists and pages say of a session. */
import { clock, number, say } from '../../words/index.svelte';
import type { Told } from './filter';

/** Its name, or that it has none. */
export function titleOf(session: Pick<Told, 'name'>): string {
  return session.name || say('sessions.unnamed');
}

/** How long it is, in its own unit; nothing of a picture. */
export function lengthOf(session: Pick<Told, 'duration' | 'unit'>): string {
  if (session.unit !== 'seconds') return say('sessions.characters', { many: number(session.duration, { maximumFractionDigits: 0 }) });
  return session.duration > 0 ? clock(session.duration) : '–';
}
