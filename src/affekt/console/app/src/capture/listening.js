/** Runs where sound is made, beside the page: gathers samples to frames of 40 ms, as 16-bit whole numbers. */
const FRAME = 640; // samples: 40 ms at 16 kHz

class Listening extends AudioWorkletProcessor {
  frame = new Int16Array(FRAME);
  filled = 0;

  process([input]) {
    const channels = input.filter((channel) => channel.length);
    const length = channels[0]?.length ?? 0;
    for (let at = 0; at < length; at += 1) {
      let sum = 0;
      for (const channel of channels) sum += channel[at];
      this.frame[this.filled] = Math.round(Math.max(-1, Math.min(1, sum / channels.length)) * 32767);
      this.filled += 1;
      if (this.filled === FRAME) {
        this.port.postMessage(this.frame, [this.frame.buffer]);
        this.frame = new Int16Array(FRAME);
        this.filled = 0;
      }
    }
    return true;
  }
}

registerProcessor('listening', Listening);
