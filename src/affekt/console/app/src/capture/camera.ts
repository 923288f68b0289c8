/** Pictures of a camera as JPEG, each with the moment when it was taken; one is made at a time, and none waits. */

const WIDTH = 640; // pixels at most
const QUALITY = 0.7;

/** What is done with them. Args: due: whether one is wanted now. taken: when, as of `performance.now()`, and the JPEG. */
export interface Seen {
  due(now: number): boolean;
  taken(at: number, picture: ArrayBuffer): void;
  ended(): void;
}

export interface Camera {
  pause(): void;
  resume(): void;
  close(): void;
}

/** Takes pictures of what a video element shows of a camera. */
export function watch(video: HTMLVideoElement, stream: MediaStream, seen: Seen): Camera {
  const canvas = document.createElement('canvas');
  const context = canvas.getContext('2d', { alpha: false, willReadFrequently: true })!; // pixels stay where they are encoded
  const track = stream.getVideoTracks()[0];
  let [making, paused, closed] = [false, false, false];
  track?.addEventListener('ended', seen.ended);

  const take: VideoFrameRequestCallback = (now, { captureTime, width, height }) => {
    if (closed) return;
    video.requestVideoFrameCallback(take);
    if (making || paused || !width || !seen.due(now)) return;
    const scale = Math.min(1, WIDTH / width);
    const [wide, high] = [Math.round(width * scale), Math.round(height * scale)];
    if (canvas.width !== wide || canvas.height !== high) [canvas.width, canvas.height] = [wide, high];
    context.drawImage(video, 0, 0, wide, high);
    making = true;
    const made = async (blob: Blob | null) => {
      const picture = await blob?.arrayBuffer();
      making = false;
      if (picture && !closed && !paused) seen.taken(captureTime ?? now, picture);
    };
    canvas.toBlob(made, 'image/jpeg', QUALITY);
  };
  video.requestVideoFrameCallback(take);
  return {
    pause: () => void (paused = true),
    resume: () => void (paused = false),
    close() {
      closed = true;
      track?.removeEventListener('ended', seen.ended);
    },
  };
}
