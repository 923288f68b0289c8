import { expect, test } from 'vitest';
import { captionsOf } from './captions';
import { reading, timeline } from './made';

test('captions are the words of what was said, safe in a player', () => {
  const said = reading({ modality: 'text', start: 1, end: 2.5, span: [2, 9], who: 'Anna' });
  expect(captionsOf(timeline([said], { transcript: '🙂 so <b>😀 well' }))).toBe('WEBVTT\n\n00:00:01.000 --> 00:00:02.500\nAnna: so &lt;b>😀\n');
});

test('a recording without words has none', () => {
  expect(captionsOf(timeline([reading()]))).toBeNull();
});
