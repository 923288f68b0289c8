/** What part of a timeline is seen, and how it changes: always within [0, span]. */
export interface Range {
  from: number;
  to: number;
}

const DEEPEST = 100_000; // times that the whole can be enlarged

/** A range of a width that lies within the whole. */
export function within(from: number, width: number, span: number): Range {
  const fitting = Math.min(span, Math.max(width, span / DEEPEST));
  const start = Math.min(Math.max(0, from), span - fitting);
  return { from: start, to: start + fitting };
}

/** Closer by a factor (below 1: further away); what is at `at` stays where it is. */
export function zoomed({ from, to }: Range, span: number, factor: number, at = (from + to) / 2): Range {
  const width = Math.min(span, Math.max((to - from) / factor, span / DEEPEST));
  return within(at - ((at - from) / (to - from)) * width, width, span);
}

export function panned({ from, to }: Range, span: number, by: number): Range {
  return within(from + by, to - from, span);
}

/** The range, moved so that a time is in it; as it is, where it is in it already. */
export function holding(range: Range, span: number, time: number): Range {
  if (time >= range.from && time <= range.to) return range;
  const width = range.to - range.from;
  return within(time - width * 0.1, width, span);
}
