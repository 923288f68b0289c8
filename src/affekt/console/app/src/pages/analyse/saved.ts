/** Timelines that were saved as JSON, opened again. */
import type { Reading, Timeline } from '../../api/client';

/** The timeline in a file; null, where the file holds something else, as a conversation. */
export async function asTimeline(file: Blob): Promise<Timeline | null> {
  let given: unknown;
  try {
    given = JSON.parse(await file.text());
  } catch {
    return null;
  }
  return isTimeline(given) ? { ...given, marks: given.marks ?? [], events: given.events ?? [], fused: given.fused ?? [] } : null;
}

/** Whether it is a timeline, as far as it is drawn. */
export function isTimeline(given: unknown): given is Timeline {
  if (typeof given !== 'object' || given === null) return false;
  const one = given as Partial<Timeline>;
  const known = one.unit === 'seconds' || one.unit === 'characters';
  return known && typeof one.duration === 'number' && Array.isArray(one.people) && Array.isArray(one.warnings) && Array.isArray(one.readings) && [...one.readings, ...(one.fused ?? [])].every(isReading);
}

function isReading(given: Partial<Reading> | null): boolean {
  return typeof given?.start === 'number' && typeof given.end === 'number' && given.end >= given.start && typeof given.modality === 'string' && typeof given.scores === 'object' && given.scores !== null;
}
