/** What a file is, by its ending or, where it has none, by its media type. */
import type { IconName } from '../../ui/Icon.svelte';

export type Kind = 'text' | 'sound' | 'video' | 'picture' | 'table' | 'unknown';

const ENDINGS: Partial<Record<Kind, string>> = {
  text: 'txt md markdown srt vtt json',
  sound: 'wav mp3 m4a aac flac ogg oga opus wma amr aif aiff au',
  video: 'mp4 m4v mov mkv webm avi 3gp mpg mpeg ts',
  picture: 'jpg jpeg png webp bmp gif tif tiff jp2 avif',
  table: 'csv tsv jsonl parquet csv.gz tsv.gz jsonl.gz',
};
const TYPES: [RegExp, Kind][] = [[/^audio\//, 'sound'], [/^video\//, 'video'], [/^image\//, 'picture'], [/^text\/(csv|tab)/, 'table'], [/^text\//, 'text']];
export const ICONS: Record<Kind, IconName> = {
  text: 'type', sound: 'microphone', video: 'camera', picture: 'people', table: 'table', unknown: 'file',
};

export function kindOf({ name, type }: { name: string; type: string }): Kind {
  const ending = /\.((?:csv|tsv|jsonl)\.gz|[a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase();
  if (!ending) return TYPES.find(([pattern]) => pattern.test(type))?.[1] ?? 'unknown';
  const found = Object.entries(ENDINGS).find(([, endings]) => endings.split(' ').includes(ending));
  return (found?.[0] as Kind | undefined) ?? 'unknown';
}

/** Whether a recording of this kind can be played, or seen, beside what was read of it. */
export function isMedia(kind: Kind): boolean {
  return kind === 'sound' || kind === 'video' || kind === 'picture';
}
