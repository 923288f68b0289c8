import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { Timeline } from '../api/client';
import { keep } from './keep';
import { reading, timeline } from './made';

interface Call {
  body: object;
  params: { header: Record<string, string> };
  bodySerializer: (body: unknown) => string;
}

const { POST } = vi.hoisted(() => ({ POST: vi.fn() }));
vi.mock('../api/client', () => ({ api: { POST }, answered: (call: unknown) => call }));
vi.mock('../words/index.svelte', () => ({ say: (key: string) => key }));

const asked = { name: 'talk', subjects: { Anna: 'p-1' }, since: 4 };
let sent: { body: string; word: string | undefined }[];

beforeEach(() => {
  sent = [];
  POST.mockImplementation(async (_: string, { body, params, bodySerializer }: Call) => {
    sent.push({ body: bodySerializer(body), word: params.header['Idempotency-Key'] });
    return { id: 'session_1' };
  });
});

describe('a timeline that is kept', () => {
  test('is sent without what is null, and with all else', async () => {
    const made = timeline([reading({ start: 0, scores: { joy: 0, fear: 1 } })]);
    expect(await keep(made, asked)).toBe('session_1');
    const body = JSON.parse(sent[0]!.body) as typeof asked & { timeline: Timeline };
    expect(sent[0]!.body).not.toContain('null');
    expect([body.name, body.subjects, body.since]).toEqual(['talk', { Anna: 'p-1' }, 4]);
    expect(body.timeline.readings[0]).toMatchObject({ start: 0, abstained: false, scores: { joy: 0, fear: 1 }, who: 'Anna' });
  });

  test('has one word for the same, also where the form was closed between, and others for all else', async () => {
    const made = timeline([reading()]);
    await keep(made, asked);
    await keep(made, { ...asked });
    await keep(made, { ...asked, name: 'another' });
    await keep(timeline([reading()]), asked);
    const words = sent.map((one) => one.word);
    expect(words[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(words[1]).toBe(words[0]);
    expect(new Set(words).size).toBe(3);
  });
});
