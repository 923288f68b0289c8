/** Timelines made for tests. */
import type { Reading, Timeline } from '../api/client';

export const LABELS = ['anger', 'disgust', 'fear', 'joy', 'sadness', 'surprise', 'neutral'];

export function reading(given: Partial<Reading> = {}): Reading {
  const top = given.top === undefined ? 'joy' : given.top;
  const scores = Object.fromEntries(LABELS.map((label) => [label, label === top ? 0.7 : 0.05]));
  return {
    modality: 'speech', who: 'Anna', start: 0, end: 1, span: null, labels: 'ekman7', single: true, scores: top ? scores : {}, top,
    present: top ? [top] : [], confidence: top ? 0.7 : 0, abstained: false, reason: null, valence: 0.5, arousal: 0.1, dominance: 0,
    model: 'speech_affekt@1', heard: null, provisional: false, box: null, clarity: null, spread: null, shares: null, disagreement: null,
    between: null, words: null, ...given,
  };
}

export function timeline(readings: Reading[], given: Partial<Timeline> = {}): Timeline {
  const people = [...new Set(readings.map((one) => one.who).filter((who) => who !== null))];
  const duration = readings.reduce((end, one) => Math.max(end, one.end), 0);
  return {
    source: 'made', duration, unit: 'seconds', labels: 'ekman7', people, transcript: null, readings, fused: [], warnings: [], events: [],
    marks: [], ...given,
  };
}

/** Readings of several people on end, with labels that follow each other without a pattern. */
export function long(size: number, people = 4): Timeline {
  let seed = 1;
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  const readings = Array.from({ length: size }, (_, at) => {
    const start = Math.floor(at / people) * 0.2;
    const top = LABELS[Math.floor(random() * LABELS.length)]!;
    return reading({ who: `face ${at % people}`, modality: 'face', start, end: start + 0.2, top, valence: random() * 2 - 1, abstained: random() < 0.1 });
  });
  return timeline(readings);
}
