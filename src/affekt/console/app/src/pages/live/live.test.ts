import { beforeEach, expect, test, vi } from 'vitest';

/** A server that says something to whoever begins. */
class Server {
  static says: object[] = [];
  readyState = 1;
  bufferedAmount = 0;
  onmessage?: (event: { data: string }) => void;

  constructor() {
    setTimeout(() => Server.says.forEach((message) => this.onmessage?.({ data: JSON.stringify(message) })));
  }

  send(): void {}
  close(): void {}
}

const started = { type: 'started', stream: 's', resume: 'r', limits: { gap_seconds: 600, resume_seconds: 30 } };
const refused = { type: 'problem', problem: 'urn:affekt:problem:consent-needed', title: 'Consent needed', status: 403, detail: 'no' };
const storage = { getItem: () => null, setItem: () => {}, removeItem: () => {} };
const address = { hash: '#/live', protocol: 'http:', host: 'localhost' };

vi.stubGlobal('location', address);
vi.stubGlobal('sessionStorage', storage);
vi.stubGlobal('document', { baseURI: 'http://localhost/', hidden: false, createElement: () => ({ play: async () => {}, pause: () => {} }) });
vi.stubGlobal('WebSocket', Server);
vi.stubGlobal('addEventListener', () => {});
vi.stubGlobal('removeEventListener', () => {});
vi.stubGlobal('requestAnimationFrame', () => 0);
vi.stubGlobal('cancelAnimationFrame', () => {});
const { begin, discard, live } = await import('./live.svelte');
const { session } = await import('../../state/session.svelte');

const stop = vi.fn();
const choice = { microphone: null, camera: null, words: true, file: null, labels: '', who: '', subject: '' };
const microphone = { getTracks: () => [{ stop }] } as unknown as MediaStream;

beforeEach(() => {
  discard();
  stop.mockClear();
});

test('a device is given back where the server refuses to read', async () => {
  Server.says = [refused];
  await begin({ ...choice, microphone });
  expect(live.take).toBeNull();
  expect(live.problem).toMatchObject({ status: 403, detail: 'no' });
  expect(stop).toHaveBeenCalled();
});

test('a microphone that cannot be used is not a server that is away', async () => {
  Server.says = [started]; // and there is no AudioContext here
  await begin({ ...choice, microphone });
  expect(live.problem).toMatchObject({ type: 'device' });
  expect(session.online).toBe(true);
  expect(stop).toHaveBeenCalled();
});

test('a stream that fails as soon as it has begun says so', async () => {
  Server.says = [started, { ...refused, seq: 1 }];
  await begin(choice);
  expect(live.take!.failure).toMatchObject({ kind: 'refused' });
});

test('what begins behind another page is paused', async () => {
  Server.says = [started];
  await begin(choice);
  expect(live.take!.senses.paused).toBe(false);
  discard();
  const { go } = await import('../../state/route.svelte');
  vi.stubGlobal('history', { replaceState: () => {} });
  go('#/people', { replace: true });
  await begin(choice);
  expect(live.take!.senses.paused).toBe(true);
});
