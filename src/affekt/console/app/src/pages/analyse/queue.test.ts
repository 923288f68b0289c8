import { beforeEach, expect, test, vi } from 'vitest';

vi.stubGlobal('location', { hash: '' });
vi.stubGlobal('sessionStorage', { getItem: () => null, setItem: () => {}, removeItem: () => {} });
vi.stubGlobal('document', { baseURI: 'http://localhost/' });
const upload = vi.fn();
vi.mock('./upload', () => ({ upload }));
vi.mock('../../api/once', () => ({ onceWord: () => 'once' }));
const { Problem } = await import('../../api/client');
const { addFiles, remove, retry } = await import('./queue.svelte');

const picture = new File(['x'], 'a.png', { type: 'image/png' });

beforeEach(() => {
  vi.useFakeTimers();
  upload.mockReset();
});

test('what never comes to the server is not sent for ever', async () => {
  upload.mockRejectedValue(new Problem('offline', 0, 'offline', 'not sent'));
  const [item] = addFiles([picture], {});
  await vi.advanceTimersByTimeAsync(60_000);
  expect(upload).toHaveBeenCalledTimes(6);
  expect(item!.state).toBe('failed');
  retry(item!);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(upload).toHaveBeenCalledTimes(12);
  remove(item!);
});

test('what is to be saved goes as a job, which is known by its word', async () => {
  upload.mockReturnValue(new Promise(() => {}));
  addFiles([picture], { save: true });
  await vi.advanceTimersByTimeAsync(100);
  expect(upload).toHaveBeenCalledWith('/v1/jobs', expect.objectContaining({ once: 'once' }));
});
