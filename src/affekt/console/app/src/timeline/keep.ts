/** Keeping a timeline as a session, correcting its readings, and writing it as a file. */
import { answered, api, fetched, type Timeline } from '../api/client';
import { onceWord } from '../api/once';
import { download } from '../ui/download';
import { say } from '../words/index.svelte';
import { numberIn } from './lanes';

/** How a timeline is kept. Args: subjects: who is who, by name. since: as the stream said that it was read by. */
export interface Asked {
  name: string;
  subjects: Record<string, string>;
  since: number | null;
}

const words = new WeakMap<Timeline, Map<string, string>>(); // what was asked for → by which word; so the same that is asked for again is kept once

/** The id of the session that a timeline is kept as. Throws `Problem`. */
export async function keep(timeline: Timeline, asked: Asked): Promise<string> {
  const header = { 'Idempotency-Key': wordOf(timeline, JSON.stringify(asked)) };
  return (await answered(api.POST('/v1/sessions', { body: { timeline, ...asked }, params: { header }, bodySerializer: lean }))).id;
}

function wordOf(timeline: Timeline, asked: string): string {
  const known = words.get(timeline) ?? new Map<string, string>();
  const word = known.get(asked) ?? onceWord();
  words.set(timeline, known.set(asked, word));
  return word;
}

/** JSON without members that are null, which are a quarter of a long timeline; the server takes them for null. */
function lean(body: unknown): string {
  return JSON.stringify(body, (_, value: unknown) => value ?? undefined);
}

export interface Correction {
  labels: string[];
  comment: string;
}

/** The corrections of a session by the number that the same reading has in this timeline, of which less may be kept. */
export async function correctionsOf(session: string, timeline: Timeline): Promise<Map<number, Correction[]>> {
  const { feedback } = await answered(api.GET('/v1/sessions/{id}/feedback', { params: { path: { id: session }, query: { limit: 1000 } } }));
  const found = new Map<number, Correction[]>();
  const kept = feedback.length ? await keptOf(session) : timeline;
  for (const { number, labels, comment } of feedback) {
    const here = numberIn(timeline, kept, number);
    found.set(here, [...(found.get(here) ?? []), { labels, comment }]);
  }
  return found;
}

/**
 * Says what a reading of a session should have said.
 * What is kept may be less than what was read, where somebody did not agree; so the number is that of the same reading in what is kept.
 */
export async function correct(session: string, timeline: Timeline, asked: number, { labels, comment }: Correction): Promise<number> {
  const number = numberIn(await keptOf(session), timeline, asked);
  if (number < 0) throw new Error(say('analyse.not_kept'));
  await answered(api.POST('/v1/sessions/{id}/feedback', { params: { path: { id: session } }, body: { number, labels, comment } }));
  return number;
}

async function keptOf(session: string): Promise<Timeline> {
  return (await answered(api.GET('/v1/sessions/{id}', { params: { path: { id: session } } }))) as unknown as Timeline;
}

/** Saves a timeline as a file of a format. */
export async function downloadAs(timeline: Timeline, format: string, fileName: string): Promise<void> {
  const reply = await fetched(`/v1/formats/${format}`, { method: 'POST', body: lean(timeline), headers: { 'Content-Type': 'application/json' } });
  download(await reply.blob(), fileName);
}

/** A name for a file: that of the source with another ending. */
export function fileNameOf(name: string, ending: string): string {
  return `${name.replace(/\.[A-Za-z0-9]{1,5}$/, '').trim() || 'affekt'}.${ending}`;
}

