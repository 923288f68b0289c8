import { expect, test, vi } from 'vitest';
import { DeviceTrouble } from '../../capture/devices';
import { Senses } from './senses.svelte';

const { opened } = vi.hoisted(() => ({ opened: vi.fn() }));
vi.mock('../../capture/devices', async (original) => ({ ...(await original<object>()), opened }));

test('a device that has gone is opened again as it was chosen', async () => {
  vi.stubGlobal('document', { createElement: () => ({}) });
  opened.mockImplementation((kind) => Promise.reject(new DeviceTrouble(kind, 'busy')));
  const senses = new Senses({ sound: vi.fn(), due: () => true, picture: vi.fn(), played: vi.fn(), devices: { camera: 'desk', microphone: '' } });
  await senses.again('camera');
  await senses.again('microphone');
  expect(opened.mock.calls).toEqual([['camera', 'desk'], ['microphone', '']]);
  expect(senses.troubles).toEqual({ camera: 'busy', microphone: 'busy' });
});
