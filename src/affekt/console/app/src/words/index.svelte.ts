/** What the console says: a catalogue for each language, one file a page; English is the one that others are measured by. */
import type English from './en';

export type Lang = 'en' | 'zh';
export const LANGS: Record<Lang, string> = { en: 'English', zh: '中文' };
type Catalogue = typeof English;
/** "live.start": the file, and the name in it. */
export type Key = { [Page in keyof Catalogue & string]: `${Page}.${keyof Catalogue[Page] & string}` }[keyof Catalogue & string];
type Values = Record<string, string | number>;

const KEPT = 'affekt.lang';
const LOADERS: Record<Lang, () => Promise<{ default: Record<keyof Catalogue, Record<string, string>> }>> = {
  en: () => import('./en'),
  zh: () => import('./zh'),
};
const current = $state<{ lang: Lang; words: Record<string, Record<string, string>> }>({ lang: 'en', words: {} });

/** The language that is spoken; reactive. */
export function lang(): Lang {
  return current.lang;
}

/** The language that a visitor chose before, else the browser's. */
export function preferredLang(): Lang {
  const kept = localStorage.getItem(KEPT);
  if (kept === 'en' || kept === 'zh') return kept;
  return navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en';
}

/** Speaks another language from now on; everything that was said with `say` is said anew. */
export async function speak(wanted: Lang, { keep = true } = {}): Promise<void> {
  const loaded = await LOADERS[wanted]();
  current.words = loaded.default;
  current.lang = wanted;
  document.documentElement.lang = wanted === 'zh' ? 'zh-CN' : 'en';
  if (keep) localStorage.setItem(KEPT, wanted);
}

/** A sentence in the language that is spoken, its {places} filled in: numbers as the language writes them. */
export function say(key: Key, values: Values = {}): string {
  const [page = '', name = ''] = key.split('.');
  const found = current.words[page]?.[name] ?? key;
  return found.replace(/\{(\w+)\}/g, (place, named: string) => {
    const value = values[named];
    return value === undefined ? place : typeof value === 'number' ? number(value) : value;
  });
}

/** A number as the language writes it. */
export function number(value: number, options: Intl.NumberFormatOptions = { maximumFractionDigits: 2 }): string {
  return new Intl.NumberFormat(current.lang, { signDisplay: 'negative', ...options }).format(value); // -0.001 is 0
}

/** A share in [0, 1] as a percentage without decimals. */
export function percent(share: number): string {
  return new Intl.NumberFormat(current.lang, { style: 'percent', maximumFractionDigits: 0 }).format(share);
}

/** A moment, as "3 May 2026, 14:05"; the server's moments without a zone are UTC. */
export function moment(iso: string, options: Intl.DateTimeFormatOptions = { dateStyle: 'medium', timeStyle: 'short' }): string {
  return new Intl.DateTimeFormat(current.lang, options).format(asDate(iso));
}

/** A moment of the server, which is in UTC where it has no zone. */
export function asDate(iso: string): Date {
  return new Date(/(Z|[+-]\d\d:?\d\d)$/.test(iso) ? iso : `${iso}Z`);
}

/** Seconds as a clock shows them: 75.25 is "1:15.3" with one decimal. */
export function clock(seconds: number, decimals = 1): string {
  const rounded = Number(Math.max(0, seconds).toFixed(decimals));
  const [hours, minutes] = [Math.floor(rounded / 3600), Math.floor(rounded / 60) % 60];
  const rest = (rounded % 60).toFixed(decimals).padStart(decimals ? decimals + 3 : 2, '0');
  return hours ? `${hours}:${String(minutes).padStart(2, '0')}:${rest}` : `${minutes}:${rest}`;
}
