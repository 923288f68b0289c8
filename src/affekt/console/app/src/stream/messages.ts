/** What goes over `/v1/stream` in both directions; docs/streams.md describes it. */
import type { Event, Reading, Timeline } from '../api/client';

const JUDGED = 10; // frames a second in which faces are judged: a change waits for one, but each takes the server's time

const SOUND = 1; // the first byte of a binary frame
const PICTURE = 2;
const HEAD = 9; // bytes: the kind, and the time as a little-endian 64-bit float

/** What a stream is to read. `sound` is 16 kHz, one channel, 16 bits. */
export interface Wanted {
  sound?: boolean;
  pictures?: boolean;
  words?: boolean;
  labels?: string;
  who?: string;
  subjects?: Record<string, string>;
}

export interface Limits {
  gap_seconds: number;
  resume_seconds: number;
  idle_seconds: number;
  stream_seconds: number;
  words_characters: number;
}

/** A problem of RFC 9457; its own `type` is `problem` here. `timeline`: what was read until then, where the server says it. */
export interface ToldProblem {
  problem: string;
  title: string;
  status: number;
  detail: string;
  timeline?: Timeline | null;
}

export type Told =
  | { type: 'started'; stream: string; resume: string; since: number; limits: Limits }
  | { type: 'resumed'; received: number }
  | { type: 'reading'; reading: Reading; seq: number }
  | { type: 'event'; event: Event; seq: number }
  | { type: 'ack'; received: number }
  | { type: 'warning'; warning: string; seq: number }
  | { type: 'ended'; timeline: Timeline | null; session?: string; seq: number }
  | ({ type: 'problem'; seq?: number } & ToldProblem)
  | { type: 'pong' };

/** The message that begins a stream. */
export function startOf({ sound, pictures, words, labels, who, subjects }: Wanted): string {
  return JSON.stringify({
    type: 'start',
    ...(sound && { sound: { rate: 16000, encoding: 'pcm_s16le' } }),
    ...(pictures && { pictures: { rate: JUDGED } }),
    ...(words && { words }),
    ...(labels && { labels }),
    ...(who && sound && { who }),
    ...(subjects && Object.keys(subjects).length && { subjects }),
  });
}

/** A stretch of sound. Args: time: seconds from the begin of the stream; NaN: it follows on. */
export function soundFrame(time: number, samples: Int16Array): ArrayBuffer {
  return frame(SOUND, time, new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength));
}

/** A JPEG, PNG or WebP. */
export function pictureFrame(time: number, picture: ArrayBuffer): ArrayBuffer {
  return frame(PICTURE, time, new Uint8Array(picture));
}

function frame(kind: number, time: number, payload: Uint8Array): ArrayBuffer {
  const made = new Uint8Array(HEAD + payload.length);
  const head = new DataView(made.buffer);
  head.setUint8(0, kind);
  head.setFloat64(1, time, true);
  made.set(payload, HEAD);
  return made.buffer;
}
