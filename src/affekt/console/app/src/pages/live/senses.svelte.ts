/** Microphone and camera of a live view: opened, paused, gone and opened again. */
import { watch, type Camera } from '../../capture/camera';
import { close, DeviceTrouble, opened, type Kind, type Trouble } from '../../capture/devices';
import { levelOf, listenTo, play, type Sound } from '../../capture/sound';

export interface Given {
  sound(samples: Int16Array): void;
  due(now: number): boolean;
  picture(at: number, picture: ArrayBuffer): void;
  played(): void; // a sound file is at its end
  devices: Partial<Record<Kind, string>>; // ids of those that were chosen
}

export class Senses {
  troubles = $state.raw<Partial<Record<Kind, Trouble>>>({});
  level = $state(0); // of the sound, in [0, 1]
  paused = $state(false);
  readonly video = document.createElement('video'); // shows the camera; its pictures are what is sent
  private streams: Partial<Record<Kind, MediaStream>> = {};
  private heard: Sound | null = null;
  private seen: Camera | null = null;
  private closed = false;

  constructor(private readonly given: Given) {
    Object.assign(this.video, { muted: true, playsInline: true, autoplay: true });
  }

  /** Listens to a microphone. */
  async listen(stream: MediaStream): Promise<void> {
    this.heard?.close();
    this.streams.microphone = stream;
    const heard = await listenTo(stream, { frame: (samples) => this.frame(samples), ended: () => this.gone('microphone') });
    if (this.closed) return heard.close();
    this.heard = heard;
    if (this.paused) heard.pause();
  }

  /** Plays a sound file as if it were a microphone. */
  async play(file: ArrayBuffer): Promise<void> {
    const heard = await play(file, { frame: (samples) => this.frame(samples), ended: () => this.given.played() });
    if (this.closed) return heard.close();
    this.heard = heard;
  }

  /** Looks through a camera. */
  async look(stream: MediaStream): Promise<void> {
    this.seen?.close();
    this.streams.camera = stream;
    this.video.srcObject = stream;
    await this.video.play().catch(() => null);
    if (this.closed) return;
    const { due, picture } = this.given;
    this.seen = watch(this.video, stream, { due, taken: picture, ended: () => this.gone('camera') });
    if (this.paused) this.seen.pause();
  }

  /** Opens a device once more that has gone. */
  async again(kind: Kind): Promise<void> {
    try {
      const stream = await opened(kind, this.given.devices[kind]);
      if (this.closed) return close(stream); // it was stopped while the browser asked
      await (kind === 'microphone' ? this.listen(stream) : this.look(stream));
      this.troubles = { ...this.troubles, [kind]: undefined };
    } catch (error) {
      this.troubles = { ...this.troubles, [kind]: error instanceof DeviceTrouble ? error.trouble : 'failed' };
    }
  }

  pause(): void {
    this.paused = true;
    this.level = 0;
    this.heard?.pause();
    this.seen?.pause();
    this.video.pause();
  }

  resume(): void {
    this.paused = false;
    this.heard?.resume();
    this.seen?.resume();
    if (this.streams.camera) void this.video.play().catch(() => null);
  }

  close(): void {
    this.closed = true;
    this.heard?.close();
    this.seen?.close();
    Object.values(this.streams).forEach(close);
    [this.heard, this.seen, this.streams] = [null, null, {}];
    this.video.srcObject = null;
    this.level = 0;
  }

  private frame(samples: Int16Array): void {
    this.level = Math.max(levelOf(samples), this.level * 0.85);
    this.given.sound(samples);
  }

  private gone(kind: Kind): void {
    if (kind === 'microphone') this.level = 0;
    this.troubles = { ...this.troubles, [kind]: 'gone' };
  }
}
