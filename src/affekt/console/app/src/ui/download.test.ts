import { expect, test } from 'vitest';
import { fileName } from './download';

test('a name holds nothing that file systems refuse, and keeps its ending', () => {
  expect(fileName('a/b: "c"?.csv')).toBe('a-b- -c-.csv');
  expect(fileName('../..')).toBe('-');
  expect(fileName('...')).toBe('affekt');
  expect(fileName(`affekt-${'x'.repeat(200)}.jsonl`)).toMatch(/^affekt-x{107}\.jsonl$/);
});
