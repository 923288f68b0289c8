/** What is said in a recording, as captions (WebVTT) for its player. */
import type { Timeline } from '../api/client';

/** The words of single readings with who says them; null, where there are none. */
export function captionsOf(timeline: Timeline): string | null {
  const letters = timeline.transcript === null ? [] : [...timeline.transcript];
  const cues = timeline.readings.flatMap((one) => {
    const words = (one.words ?? (one.span ? letters.slice(one.span[0], one.span[1]).join('') : '')).trim();
    if (!words || one.modality !== 'text' || one.end <= one.start) return [];
    const told = (one.who === null ? words : `${one.who}: ${words}`).replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/\s+/g, ' ');
    return [`${stamp(one.start)} --> ${stamp(one.end)}\n${told}\n`];
  });
  return timeline.unit === 'seconds' && cues.length ? `WEBVTT\n\n${cues.join('\n')}` : null;
}

function stamp(seconds: number): string {
  return new Date(Math.round(seconds * 1000)).toISOString().slice(11, 23);
}
