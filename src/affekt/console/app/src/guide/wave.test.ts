import { expect, test } from 'vitest';
import { wave } from './wave';

test('samples become a WAV file that says how long it is', () => {
  const made = new DataView(wave(Int16Array.from([0, 1, -1])));
  expect(String.fromCharCode(...new Uint8Array(made.buffer, 0, 4))).toBe('RIFF');
  expect(made.getUint32(24, true)).toBe(16_000);
  expect(made.getUint32(40, true)).toBe(6);
  expect(made.getInt16(48, true)).toBe(-1);
});
