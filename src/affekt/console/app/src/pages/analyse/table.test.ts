import { expect, test } from 'vitest';
import { delimited, look } from './table';

test('fields in quotes hold separators, line ends and quotes', () => {
  expect([...delimited('a,b\r\n"x, ""y""\nz",2\r\n', ',')]).toEqual([['a', 'b'], ['x, "y"\nz', '2']]);
});

test('labels are counted, with those that are not sure', () => {
  const { labels, rows, unsure, counted } = look('text\ttop\tabstained\nhi\tjoy\tfalse\nso\tjoy\ttrue\nbad\t\t\n', 'tsv');
  expect([...labels]).toEqual([['joy', 2]]);
  expect([rows.length, unsure, counted]).toEqual([3, 1, 2]);
});

test('JSON lines are rows too, the torn last line of a long file is none', () => {
  const { columns, rows } = look('{"text": "hi", "top": "joy", "scores": {"joy": 1}}\n{"text": "s', 'jsonl');
  expect(columns).toEqual(['text', 'top', 'scores']);
  expect(rows).toEqual([['hi', 'joy', '{"joy":1}']]);
});
