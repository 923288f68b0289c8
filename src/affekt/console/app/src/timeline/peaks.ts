/** How loud a recording is over time, for the waveform. */

export const MOST_SECONDS = 3700; // decoded, an hour takes 115 MB for a while
const RATE = 8000; // Hz
const PER_SECOND = 100;
const PIECE = 1 << 20; // samples between two breaths

/** The highest amplitude, in [0, 1], of hundredths of a second; in levels, each of half as many. */
export class Peaks {
  private readonly levels: Uint8Array[];

  constructor(finest: Uint8Array) {
    this.levels = [finest];
    while (this.levels.at(-1)!.length > 256) this.levels.push(paired(this.levels.at(-1)!));
  }

  /** The highest between two times. */
  between(from: number, to: number): number {
    const level = Math.min(this.levels.length - 1, Math.max(0, Math.floor(Math.log2((to - from) * PER_SECOND))));
    const [values, rate] = [this.levels[level]!, PER_SECOND / 2 ** level];
    let high = 0;
    for (let at = Math.max(0, Math.floor(from * rate)); at <= to * rate && at < values.length; at++) high = Math.max(high, values[at]!);
    return high / 255;
  }
}

/** The peaks of a sound or of a video's sound; null, where the browser cannot decode it. */
export async function peaksOf(media: Blob, signal: AbortSignal): Promise<Peaks | null> {
  try {
    const decoded = await new OfflineAudioContext(1, 1, RATE).decodeAudioData(await media.arrayBuffer());
    return new Peaks(await finest(decoded, signal));
  } catch {
    return null; // the waveform is only a help: the rest works without it
  }
}

async function finest(decoded: AudioBuffer, signal: AbortSignal): Promise<Uint8Array> {
  const size = decoded.sampleRate / PER_SECOND;
  const made = new Uint8Array(Math.ceil(decoded.length / size));
  for (let channel = 0; channel < decoded.numberOfChannels; channel++) {
    const samples = decoded.getChannelData(channel);
    for (let begin = 0; begin < samples.length; begin += PIECE) {
      signal.throwIfAborted();
      const end = Math.min(samples.length, begin + PIECE);
      for (let at = begin; at < end; at++) {
        const [place, high] = [Math.floor(at / size), Math.min(255, Math.abs(samples[at]!) * 255)];
        if (high > made[place]!) made[place] = high;
      }
      await new Promise((go) => setTimeout(go)); // the page answers meanwhile
    }
  }
  return made;
}

function paired(finer: Uint8Array): Uint8Array {
  const made = new Uint8Array(Math.ceil(finer.length / 2));
  for (let at = 0; at < made.length; at++) made[at] = Math.max(finer[2 * at]!, finer[2 * at + 1] ?? 0);
  return made;
}
