/** Where sound comes from: a microphone, or a file that is played as if somebody spoke; 16 kHz, one channel, frames of 40 ms. */
import { DeviceTrouble } from './devices';

export const RATE = 16_000;
const FRAME = 640; // samples: 40 ms

/** Something that is heard. */
export interface Sound {
  pause(): void;
  resume(): void;
  close(): void;
}

/** What is done with it. Args: frame: 40 ms of sound that has just been heard. ended: nothing more comes. */
export interface Heard {
  frame(samples: Int16Array): void;
  ended(): void;
}

/**
 * Listens to a microphone.
 * @throws {DeviceTrouble} this browser cannot.
 */
export async function listenTo(stream: MediaStream, heard: Heard): Promise<Sound> {
  const context = contextFor();
  try {
    await context.audioWorklet.addModule(new URL('./listening.js', import.meta.url));
  } catch (error) {
    await context.close();
    throw new DeviceTrouble('microphone', 'failed', error);
  }
  const source = context.createMediaStreamSource(stream);
  const listening = new AudioWorkletNode(context, 'listening', { numberOfOutputs: 0 });
  source.connect(listening);
  let paused = false;
  listening.port.onmessage = ({ data }) => paused || heard.frame(data as Int16Array);
  const track = stream.getAudioTracks()[0];
  track?.addEventListener('ended', heard.ended);
  await context.resume();
  return {
    pause: () => void (paused = true),
    resume: () => void (paused = false),
    close() {
      track?.removeEventListener('ended', heard.ended);
      listening.port.onmessage = null;
      void context.close();
    },
  };
}

/** Plays a sound file, for all to hear, and hears it as a microphone would. Args: file: the bytes of a sound that the browser can decode. */
export async function play(file: ArrayBuffer, heard: Heard): Promise<Sound> {
  const context = contextFor();
  const decoded = await context.decodeAudioData(file).catch(async (error: unknown) => { // at the rate of the context
    await context.close();
    throw error;
  });
  const samples = mixed(decoded);
  const source = new AudioBufferSourceNode(context, { buffer: decoded });
  source.connect(context.destination);
  let at = 0;
  const send = () => {
    const due = Math.min((context.currentTime - begin) * RATE, samples.length);
    for (; at + FRAME <= due; at += FRAME) heard.frame(samples.slice(at, at + FRAME));
    if (due < samples.length) return;
    clearInterval(timer);
    heard.frame(samples.slice(at));
    heard.ended();
  };
  await context.resume();
  const begin = context.currentTime;
  source.start();
  const timer = setInterval(send, (FRAME / RATE) * 1000);
  return {
    pause: () => void context.suspend(),
    resume: () => void context.resume(),
    close() {
      clearInterval(timer);
      void context.close();
    },
  };
}

/** How loud samples are, in [0, 1]: 0 is 60 dB below full scale. */
export function levelOf(samples: Int16Array): number {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const decibels = 10 * Math.log10(sum / Math.max(samples.length, 1) / 32768 ** 2 + 1e-12);
  return Math.max(0, Math.min(1, 1 + decibels / 60));
}

function contextFor(): AudioContext {
  try {
    return new AudioContext({ sampleRate: RATE, latencyHint: 'interactive' });
  } catch (error) {
    throw new DeviceTrouble('microphone', 'failed', error);
  }
}

function mixed(sound: AudioBuffer): Int16Array<ArrayBuffer> {
  const made = new Int16Array(sound.length);
  const channels = Array.from({ length: sound.numberOfChannels }, (_, at) => sound.getChannelData(at));
  for (let at = 0; at < made.length; at += 1) {
    const mean = channels.reduce((sum, channel) => sum + channel[at]!, 0) / channels.length;
    made[at] = Math.round(Math.max(-1, Math.min(1, mean)) * 32767);
  }
  return made;
}
