/** A scene to try the live view with: two drawn faces, a machine's voice, and lines that are written; nobody in it feels anything. */
import { fetched } from '../api/client';
import { RATE } from '../capture/sound';

/** What is written, and when, in seconds. */
export const LINES = [
  { at: 10, text: 'Thank you so much, you made my day!' },
  { at: 16, text: 'I am really fed up with this, it is the third time.' },
];
export const SECONDS = 24; // that it takes
const ENTERS = 6; // seconds at which the second person comes
const [WIDTH, HEIGHT, FRAMES] = [640, 356, 15];

export interface Scene {
  camera: MediaStream;
  file: ArrayBuffer; // its sound, as WAV
  close(): void;
}

/** Makes the scene; it begins at once. */
export async function scene(): Promise<Scene> {
  const [picture, sound] = await Promise.all([sample('faces.jpg').then((bytes) => createImageBitmap(new Blob([bytes]))), sample('train.ogg')]);
  const file = wave(await samples(sound));
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [WIDTH, HEIGHT];
  const context = canvas.getContext('2d')!;
  const begin = performance.now();
  const draw = () => {
    const now = (performance.now() - begin) / 1000;
    context.drawImage(picture, 0, 0, WIDTH, HEIGHT);
    if (now < ENTERS) context.drawImage(picture, 0, 0, 20, picture.height, 0, 0, WIDTH / 2, HEIGHT); // the wall, where the other one will be
    context.drawImage(canvas, 2 * Math.sin(now * 2), 2 * Math.sin(now * 3)); // nobody keeps quite still
  };
  draw();
  const timer = setInterval(draw, 1000 / FRAMES);
  return { camera: canvas.captureStream(FRAMES), file, close: () => clearInterval(timer) };
}

async function sample(name: string): Promise<ArrayBuffer> {
  return (await fetched(`/samples/${name}`)).arrayBuffer();
}

/** The sound, and silence until the scene is over. */
async function samples(sound: ArrayBuffer): Promise<Int16Array> {
  const context = new OfflineAudioContext(1, RATE * SECONDS, RATE);
  const source = new AudioBufferSourceNode(context, { buffer: await context.decodeAudioData(sound) });
  source.connect(context.destination);
  source.start();
  const made = (await context.startRendering()).getChannelData(0);
  return Int16Array.from(made, (value) => Math.max(-1, Math.min(1, value)) * 32767);
}

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
