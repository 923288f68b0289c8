import { expect, test } from 'vitest';
import { troubleOf } from './devices';
import { MOST, Pace } from './pace';
import { levelOf } from './sound';

test('what a browser says of a device becomes what a visitor can do something about', () => {
  const named = (name: string) => troubleOf(new DOMException('', name));
  expect(named('NotAllowedError')).toBe('denied');
  expect(named('NotFoundError')).toBe('none');
  expect(named('NotReadableError')).toBe('busy');
  expect(troubleOf(new Error('what else'))).toBe('failed');
});

test('silence has no level, full scale all of it, and -30 dB half', () => {
  const tone = (size: number) => Int16Array.from({ length: 640 }, (_, at) => (at % 2 ? size : -size));
  expect(levelOf(tone(0))).toBe(0);
  expect(levelOf(tone(32767))).toBeCloseTo(1, 3);
  expect(levelOf(tone(32768 / 10 ** 1.5))).toBeCloseTo(0.5, 3);
});

test('of a camera with 30 frames a second, every other one is sent', () => {
  const pace = new Pace();
  const sent = Array.from({ length: 300 }, (_, at) => pace.due((at * 1000) / 30, 0)).filter(Boolean);
  expect(sent.length).toBe(150);
});

test('nothing is sent into a line that is full', () => {
  expect(new Pace().due(0, 1e6)).toBe(false);
});

test('pictures become fewer while they are late, and more when they are in time again', () => {
  const pace = new Pace();
  for (let now = 0; now < 10_000; now += 100) pace.took(700, now);
  expect(pace.rate).toBe(2);
  for (let now = 10_000; now < 20_000; now += 100) pace.took(100, now);
  expect(pace.rate).toBeGreaterThan(8);
  for (let now = 20_000; now < 40_000; now += 100) pace.took(100, now);
  expect(pace.rate).toBe(MOST);
});
