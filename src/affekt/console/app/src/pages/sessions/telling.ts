/** What lists and pages say of a session. */
import { asDate, clock, number, say } from '../../words/index.svelte';
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

/** The day on which something that is kept so long from a moment on is deleted. */
export function until(created: string, days: number): string {
  const at = asDate(created);
  return new Date(at.getTime() + days * 86_400_000).toISOString();
}
