import { expect, test } from 'vitest';
import { reading, timeline } from './made';
import { piecesOf } from './spans';

test('a text is cut where readings begin and end, an emoji being one character', () => {
  const read = [reading({ modality: 'text', span: [0, 4] }), reading({ modality: 'text', span: [5, 8], start: 5, end: 8 })];
  const pieces = piecesOf(timeline(read, { transcript: '😀 hi so! …' }));
  expect(pieces.map((piece) => [piece.text, piece.number])).toEqual([['😀 hi', 0], [' ', null], ['so!', 1], [' …', null]]);
});

test('no letter is lost or said twice where readings overlap', () => {
  const read = [reading({ modality: 'text', span: [0, 6] }), reading({ modality: 'text', span: [3, 8] }), reading({ modality: 'text', span: [4, 5] })];
  expect(piecesOf(timeline(read, { transcript: 'abcdefghij' })).map((piece) => piece.text)).toEqual(['abcdef', 'gh', 'ij']);
});
