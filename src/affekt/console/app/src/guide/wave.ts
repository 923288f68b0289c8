/** Sound as a file that a browser can decode. */
import { RATE } from '../capture/sound';

/** Samples as a WAV file: one channel, 16 bits. */
export function wave(samples: Int16Array): ArrayBuffer {
  const made = new DataView(new ArrayBuffer(44 + samples.length * 2));
  const text = (at: number, letters: string) => [...letters].forEach((letter, index) => made.setUint8(at + index, letter.charCodeAt(0)));
  text(0, 'RIFF');
  made.setUint32(4, 36 + samples.length * 2, true);
  text(8, 'WAVEfmt ');
  made.setUint32(16, 16, true);
  made.setUint16(20, 1, true); // samples as they are
  made.setUint16(22, 1, true); // channels
  made.setUint32(24, RATE, true);
  made.setUint32(28, RATE * 2, true); // bytes a second
  made.setUint16(32, 2, true); // bytes a sample
  made.setUint16(34, 16, true); // bits a sample
  text(36, 'data');
  made.setUint32(40, samples.length * 2, true);
  samples.forEach((sample, at) => made.setInt16(44 + at * 2, sample, true));
  return made.buffer as ArrayBuffer;
}
