/** A text cut where readings begin and end. Offsets count characters as Python does: an emoji is one, not two. */
import type { Reading, Timeline } from '../api/client';

export interface Piece {
  text: string;
  number: number | null; // of the reading; null: nothing was read here
  reading: Reading | null;
}

/** The pieces of a transcript, in order; where readings overlap, the first to begin has the words. */
export function piecesOf(timeline: Timeline): Piece[] {
  const letters = [...(timeline.transcript ?? '')];
  const read = timeline.readings
    .map((reading, number) => ({ reading, number }))
    .filter(({ reading }) => reading.modality === 'text' && reading.span)
    .sort((one, other) => one.reading.span![0]! - other.reading.span![0]!);
  const pieces: Piece[] = [];
  let done = 0;
  for (const { reading, number } of read) {
    const [start, end] = [Math.max(done, reading.span![0]!), reading.span![1]!];
    if (end <= start) continue;
    if (start > done) pieces.push({ text: letters.slice(done, start).join(''), number: null, reading: null });
    pieces.push({ text: letters.slice(start, end).join(''), number, reading });
    done = end;
  }
  if (done < letters.length) pieces.push({ text: letters.slice(done).join(''), number: null, reading: null });
  return pieces;
}
