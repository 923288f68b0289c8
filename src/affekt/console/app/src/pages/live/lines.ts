/** What was said, line by line: words where they are known, else that somebody spoke and for how long. */
import type { Reading } from '../../api/client';

const MOST = 200; // lines that are kept

/** One line. Args: reading: what colours it: of all modalities, else of the words, else of the voice. */
export interface Line {
  id: number;
  who: string;
  start: number;
  end: number;
  text: string; // '': a voice whose words are not known
  provisional: boolean;
  voice: boolean;
  reading: Reading;
}

export class Lines {
  all: readonly Line[] = [];
  private count = 0;

  take(reading: Reading, who: string): void {
    if (reading.modality === 'speech') this.heard(reading, who);
    else if (reading.modality === 'text') this.written(reading, who);
    else if (reading.modality === 'fused') this.fused(reading, who);
  }

  /** Forgets provisional lines that ended before; whether there were any. */
  sweep(before: number): boolean {
    const left = this.all.filter((line) => !line.provisional || line.end >= before);
    const changed = left.length !== this.all.length;
    if (changed) this.all = left;
    return changed;
  }

  rename(before: string, after: string): void {
    this.all = this.all.map((line) => (line.who === before ? { ...line, who: after } : line));
  }

  private heard(reading: Reading, who: string): void {
    const before = this.all.find((line) => line.provisional);
    const rest = this.all.filter((line) => !line.provisional);
    const made = { who, start: reading.start, end: reading.end, provisional: reading.provisional, voice: true, reading };
    const same = before && Math.abs(before.start - reading.start) < 0.5 ? before : null; // the begin of an utterance may move a little
    this.put(rest, { id: same?.id ?? (this.count += 1), text: same?.text ?? '', ...made });
  }

  /** Words belong to the utterance that they overlap for most of their time. */
  private written(reading: Reading, who: string): void {
    const text = reading.words?.trim() ?? '';
    if (!text) return;
    const length = Math.max(reading.end - reading.start, 1e-6);
    const overlap = (line: Line) => Math.min(line.end, reading.end) - Math.max(line.start, reading.start);
    const into = this.all.find((line) => line.voice && overlap(line) > length / 2);
    if (!into) {
      const same = this.all.find((line) => !line.voice && line.start === reading.start && line.text === text);
      if (!same) this.put(this.all, { id: (this.count += 1), who, start: reading.start, end: reading.end, text, provisional: false, voice: false, reading });
      return;
    }
    if (into.text.includes(text)) return;
    const joined = into.text && reading.start >= into.start ? `${into.text} ${text}` : text;
    this.replace(into, { text: joined, reading: into.reading.modality === 'fused' ? into.reading : reading });
  }

  private fused(reading: Reading, who: string): void {
    for (const line of this.all) {
      const counts = reading.shares?.[line.voice ? 'speech' : 'text'] !== undefined; // else it is of a face that says nothing
      const mine = line.start >= reading.start - 0.01 && line.start < reading.end && (line.who === who || line.who === '');
      if (counts && mine && (reading.provisional === line.provisional || !reading.provisional)) this.replace(line, { reading, who });
    }
  }

  private replace(line: Line, change: Partial<Line>): void {
    this.all = this.all.map((one) => (one === line ? { ...line, ...change } : one));
  }

  private put(lines: readonly Line[], line: Line): void {
    let at = lines.length;
    while (at > 0 && lines[at - 1]!.start > line.start) at -= 1;
    this.all = [...lines.slice(0, at), line, ...lines.slice(at)].slice(-MOST);
  }
}
