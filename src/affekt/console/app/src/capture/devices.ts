/** Microphones and cameras: which there are, and why one cannot be used. */

export type Kind = 'microphone' | 'camera';
/**
 * insecure: browsers give none to this page. denied: the visitor or the system does not allow it. none: there is none. busy: something
 * else uses it. gone: it was there and is no more. failed: all else.
 */
export type Trouble = 'insecure' | 'denied' | 'none' | 'busy' | 'gone' | 'failed';

export class DeviceTrouble extends Error {
  constructor(
    readonly kind: Kind,
    readonly trouble: Trouble,
    cause?: unknown,
  ) {
    super(`${kind}: ${trouble}`, { cause });
  }
}

const TROUBLES: Record<string, Trouble> = {
  NotAllowedError: 'denied',
  SecurityError: 'denied',
  NotFoundError: 'none',
  OverconstrainedError: 'none',
  NotReadableError: 'busy',
  AbortError: 'busy',
};
const PICTURES = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } };
// What makes a voice fit for a call takes away what tells an emotion; an echo is no voice of anybody here.
const SOUND = { channelCount: 1, echoCancellation: true, noiseSuppression: false, autoGainControl: false };

/** Whether browsers give a page like this one a microphone or camera: one that came by https, or from this machine. */
export function isSecure(): boolean {
  return Boolean(navigator.mediaDevices?.getUserMedia);
}

/** The devices that there are; without names before one of them was allowed. */
export async function listed(kind: Kind): Promise<MediaDeviceInfo[]> {
  if (!isSecure()) return [];
  const wanted = kind === 'microphone' ? 'audioinput' : 'videoinput';
  const found = await navigator.mediaDevices.enumerateDevices().catch(() => []);
  return found.filter((device) => device.kind === wanted && device.deviceId);
}

/**
 * Opens a device; the browser may ask the visitor.
 * Args: id: of the device; '': the browser's choice.
 * @throws {DeviceTrouble} it cannot be used.
 */
export async function opened(kind: Kind, id = ''): Promise<MediaStream> {
  if (!isSecure()) throw new DeviceTrouble(kind, 'insecure');
  const chosen = id ? { deviceId: { exact: id } } : {};
  const asked = kind === 'microphone' ? { audio: { ...SOUND, ...chosen } } : { video: { ...PICTURES, ...chosen } };
  try {
    return await navigator.mediaDevices.getUserMedia(asked);
  } catch (error) {
    throw new DeviceTrouble(kind, troubleOf(error), error);
  }
}

/** What an error of `getUserMedia` means. */
export function troubleOf(error: unknown): Trouble {
  return TROUBLES[(error as DOMException | null)?.name ?? ''] ?? 'failed';
}

/** Gives a device back. */
export function close(stream: MediaStream | null): void {
  stream?.getTracks().forEach((track) => track.stop());
}
