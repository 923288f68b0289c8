import { expect, it } from 'vitest';
import { ruledBy } from './rules';

const rule = (setting: 'workplace' | 'education', modality: 'speech' | 'face', unless: ('medical' | 'safety')[]) => ({ setting, modality, unless, article: 'Art. 5' });
const RULES = [rule('workplace', 'speech', ['medical', 'safety']), rule('workplace', 'face', ['safety']), rule('education', 'face', [])];

it('what may be read depends on setting and reason', () => {
  const told = (...[setting, reason]: [Parameters<typeof ruledBy>[2], Parameters<typeof ruledBy>[3]]) =>
    ruledBy(RULES, ['text', 'speech', 'face'], setting, reason).map((one) => one.allowed);
  expect(told('public', '')).toEqual([true, true, true]);
  expect(told('workplace', '')).toEqual([true, false, false]);
  expect(told('workplace', 'medical')).toEqual([true, true, false]);
  expect(told('workplace', 'safety')).toEqual([true, true, true]);
  expect(told('education', 'safety')).toEqual([true, true, false]);
});

it('the rule is told that forbids it, or that a reason lifts', () => {
  const [text, speech, face] = ruledBy([...RULES, rule('workplace', 'speech', ['medical'])], ['text', 'speech', 'face'], 'workplace', 'safety');
  expect(text).toEqual({ modality: 'text', allowed: true, rule: null });
  expect(speech).toEqual({ modality: 'speech', allowed: false, rule: rule('workplace', 'speech', ['medical']) });
  expect(face).toEqual({ modality: 'face', allowed: true, rule: RULES[1] });
});
