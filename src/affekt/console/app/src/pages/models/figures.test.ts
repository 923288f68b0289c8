import { describe, expect, it } from 'vitest';
import { axisEnd, commandOf, kindsOf, languageName, ordered, riskLine, telling, type Group } from './figures';

const bin = (predicted: number, n: number) => ({ predicted, observed: predicted - 0.02, n });
const group = (name: string, macro_f1: number | null, n = 100): Group => ({ kind: 'language', name, n, macro_f1, ece: null });

describe('telling', () => {
  it('takes all readings that say about as much as is asked', () => {
    const found = telling([bin(0.6, 90), bin(0.75, 30), bin(0.85, 90), bin(0.97, 900)]);
    expect([found?.predicted.toFixed(3), found?.observed.toFixed(3), found?.n]).toEqual(['0.825', '0.805', 120]);
  });
  it('passes over few readings, and takes the fullest where none is near', () => {
    expect(telling([bin(0.8, 12), bin(0.5, 60), bin(0.97, 900)])?.predicted).toBe(0.97);
    expect(telling([bin(0.8, 12)])).toBeNull();
    expect(telling([])).toBeNull();
  });
});

describe('ordered', () => {
  const groups = [group('pl', 0.5, 30), group('de', null), group('en', 0.9), group('zh', 0.2)];
  const named = (found: Group[]) => found.map((one) => one.name).join(' ');
  it('goes up and down, and leaves what has no number at the end', () => {
    expect(named(ordered(groups, 'macro_f1', false, (one) => one.name))).toBe('en pl zh de');
    expect(named(ordered(groups, 'macro_f1', true, (one) => one.name))).toBe('zh pl en de');
  });
  it('sorts names as they are shown, numbers within by size', () => {
    const heard = ['0', '10', '3', '40'].map((name) => group(name, 0.1));
    expect(named(ordered(heard, 'name', true, (one) => `after ${one.name}`))).toBe('0 3 10 40');
  });
  it('leaves the groups as they were', () => {
    ordered(groups, 'n', true, (one) => one.name);
    expect(named(groups)).toBe('pl de en zh');
  });
});

describe('what stands in a card', () => {
  it('has each kind of group once', () => {
    expect(kindsOf([group('de', 1), { ...group('x', 1), kind: 'corpus' }, group('en', 1)])).toEqual(['language', 'corpus']);
  });
  it('names languages in the language of the reader', () => {
    expect(languageName('de', 'en')).toBe('German');
    expect(languageName('de', 'zh')).toBe('德语');
    expect(languageName('not a code', 'en')).toBe('not a code');
  });
  it('says how a server is made to use a model', () => {
    expect(commandOf({ name: 'speech_affekt_free', modality: 'speech', kind: 'encoder' })).toBe(
      'AFFEKT_SPEECH_MODEL=speech_affekt_free affekt serve',
    );
    expect(commandOf({ name: 'fusion_log_linear', modality: 'fused', kind: 'fusion' })).toBe('AFFEKT_FUSION=log_linear affekt serve');
  });
});

describe('the curve of risks', () => {
  it('goes from the surest to all, on an axis that ends at a tenth', () => {
    expect(axisEnd(0.32)).toBe(0.4);
    expect(axisEnd(0.3)).toBe(0.3);
    expect(axisEnd(0)).toBe(0.1);
    const line = riskLine([{ coverage: 1, risk: 0.4 }, { coverage: 0.1, risk: 0 }], 0.4, 100);
    expect(line).toBe('10,100 100,0');
  });
});
