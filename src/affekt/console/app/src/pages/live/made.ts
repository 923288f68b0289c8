/** Readings as tests need them. */
import type { Reading } from '../../api/client';

const nothing = { span: null, heard: null, spread: null, shares: null, disagreement: null, between: null, words: null, reason: null, box: null };

export function reading(modality: Reading['modality'], who: string | null, start: number, end: number, more: Partial<Reading> = {}): Reading {
  const said = { scores: { joy: 0.8, anger: 0.2 }, top: 'joy', present: ['joy'], confidence: 0.8, abstained: false, valence: 0.5, arousal: 0.1, dominance: 0 };
  return { modality, who, start, end, labels: 'x', single: true, model: 'm@1', provisional: false, clarity: 1, ...said, ...nothing, ...more };
}
