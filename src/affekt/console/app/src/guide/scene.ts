/** A scene to try the live view with: two drawn faces, a machine's voice, and lines that are written; nobody in it feels anything. */
import { fetched } from '../api/client';
import { RATE } from '../capture/sound';
import { wave } from './wave';

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
