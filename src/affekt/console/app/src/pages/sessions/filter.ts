/** Which sessions are asked for: what the address says, as the server takes it. */
import type { paths } from '../../api/schema';
import { dateOf, isoDay } from '../../trends/days';

export type Asked = NonNullable<paths['/v1/sessions']['get']['parameters']['query']>;
export type Told = paths['/v1/sessions']['get']['responses'][200]['content']['application/json']['sessions'][number];

export const MODALITIES = ['text', 'speech', 'face'] as const satisfies readonly Asked['modality'][];
export const ORIGINS = ['read', 'job', 'stream', 'given'] as const satisfies readonly Asked['origin'][];
export const NAMES = ['name', 'subject', 'modality', 'origin', 'since', 'until'] as const;
export type Filter = Partial<Record<(typeof NAMES)[number], string>>;

/** The filter that an address holds; what it may not hold is left out. */
export function filterOf(query: Record<string, string>): Filter {
  const known = Object.fromEntries(NAMES.map((name) => [name, query[name]]).filter(([, value]) => value)) as Filter;
  if (!oneOf(MODALITIES, known.modality)) delete known.modality;
  if (!oneOf(ORIGINS, known.origin)) delete known.origin;
  if (!isDay(known.since)) delete known.since;
  if (!isDay(known.until)) delete known.until;
  return known;
}

/** A filter with other values in it; one that is blank is left out. */
export function changed(filter: Filter, values: Filter): Filter {
  return Object.fromEntries(Object.entries({ ...filter, ...values }).filter(([, value]) => value.trim()));
}

/** A filter as the server takes it: days are those of this browser's clock, the last one included. */
export function askedOf(filter: Filter): Asked {
  const { since, until, ...words } = filter;
  const plain = Object.fromEntries(Object.entries(words).map(([name, value]) => [name, value.trim()]));
  return {
    ...(plain as Pick<Asked, 'name' | 'subject' | 'modality' | 'origin'>),
    ...(since ? { since: dateOf(since).toISOString() } : {}),
    ...(until ? { until: endOf(until).toISOString() } : {}),
  };
}

/** Whether anything is left out. */
export function narrows(filter: Filter): boolean {
  return Object.keys(filter).length > 0;
}

/** The first moment after a day, which the server leaves out. */
function endOf(day: string): Date {
  const at = dateOf(day);
  at.setDate(at.getDate() + 1);
  return at;
}

function isDay(text: string | undefined): boolean {
  return text !== undefined && /^\d{4}-\d{2}-\d{2}$/.test(text) && isoDay(dateOf(text)) === text;
}

function oneOf(known: readonly string[], value: string | undefined): boolean {
  return value !== undefined && known.includes(value);
}
