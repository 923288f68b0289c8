import { expect, test } from 'vitest';
import { reading, timeline } from '../../timeline/made';
import { asTimeline, isTimeline } from './saved';

test('a timeline that was saved is opened, also an older one without marks', async () => {
  const { marks, ...older } = timeline([reading()]);
  expect(marks).toEqual([]);
  expect((await asTimeline(new Blob([JSON.stringify(older)])))!.marks).toEqual([]);
});

test('what is no timeline is left to the server', async () => {
  expect(await asTimeline(new Blob(['[{"text": "hi"}]']))).toBeNull();
  expect(await asTimeline(new Blob(['{']))).toBeNull();
  expect(isTimeline({ ...timeline([]), readings: [{ start: 2, end: 1 }] })).toBe(false);
});
