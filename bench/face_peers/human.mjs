// npm's @vladmandic/human with nothing but BlazeFace and its network for emotions: frames a second, and what it says of faces already cut out.
//
//     node human.mjs PACKAGES MODELS FRAMES WIDE HIGH [IMAGES SIDE]        FRAMES and IMAGES hold raw RGB; prints one line of JSON
//
// PACKAGES is the folder that npm installed into. The backend is WebAssembly with SIMD, which under Node runs on one thread.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [packages, models, path, wide, high, images, side] = process.argv.slice(2);
const modules = join(packages, 'node_modules');
globalThis.fetch = async (url) => new Response(readFileSync(join(models, new URL(url).pathname))); // models come from the folder, not from a server
const { Human } = createRequire(import.meta.url)(join(modules, '@vladmandic/human/dist/human.node-wasm.js'));
const PASSES = 3;
const LABELS = ['angry', 'disgust', 'fear', 'happy', 'sad', 'surprise', 'neutral']; // the network's, as human's src/gear/emotion.ts has them
const off = { enabled: false };
const human = new Human({
  backend: 'wasm',
  wasmPath: join(modules, '@tensorflow/tfjs-backend-wasm/dist/'),
  modelBasePath: 'http://models/',
  cacheSensitivity: 0, // every frame is looked at
  filter: off, gesture: off, body: off, hand: off, object: off, segmentation: off,
  face: { mesh: off, attention: off, iris: off, description: off, antispoof: off, liveness: off, emotion: { minConfidence: 0 } },
});
await human.load();
const tf = human.tf;

function pictures(file, width, height) {
  const raw = readFileSync(file);
  const size = width * height * 3;
  return Array.from({ length: raw.length / size }, (_, at) => raw.subarray(at * size, (at + 1) * size));
}

async function seconds(frames) {
  const began = performance.now();
  let found = 0;
  for (const frame of frames) {
    const tensor = tf.tensor3d(frame, [Number(high), Number(wide), 3]);
    const result = await human.detect(tensor);
    if (result.error) throw new Error(result.error);
    if (result.face.some((face) => face.emotion?.length)) found++;
    tf.dispose(tensor);
  }
  return [(performance.now() - began) / 1000, found];
}

function emotion(pixels) { // as human prepares a face that it has found: src/gear/emotion.ts
  return LABELS[tf.tidy(() => {
    const whole = tf.expandDims(tf.div(tf.tensor3d(pixels, [Number(side), Number(side), 3]), 255));
    const grey = tf.sum(tf.mul(tf.image.resizeBilinear(whole, [64, 64]), [0.2989, 0.587, 0.114]), 3, true);
    return tf.argMax(human.models.models.emotion.execute(tf.mul(tf.sub(grey, 0.5), 2)), 1).dataSync()[0];
  })];
}

const frames = pictures(path, wide, high);
await seconds(frames); // warms up
const passes = [];
for (let pass = 0; pass < PASSES; pass++) passes.push(await seconds(frames));
passes.sort((one, other) => one[0] - other[0]);
const took = passes[(PASSES - 1) / 2][0];
console.log(JSON.stringify({
  frames_per_s: Math.round(100 * frames.length / took) / 100,
  frames: frames.length,
  with_a_face: passes[0][1],
  versions: { '@vladmandic/human': human.version, tfjs: human.tf.version.tfjs ?? human.tf.version['tfjs-core'], node: process.version, backend: tf.getBackend() },
  said: images ? pictures(images, side, side).map(emotion) : [],
}));
