/** The audit log, the newest entry first; the server tells it the oldest first. */
import type { components } from '../../api/schema';

type Schemas = components['schemas'];
export type Entry = Schemas['Entry'];
export type Walked = Schemas['Walked'];

const MOST = 1000; // entries that the server tells at a time
export const PAGE = 50;
export const ACTIONS = [
  'server.started', 'key.made', 'key.revoked', 'policy.refused', 'reason.used', 'consent.missing', 'consent.given', 'consent.withdrawn',
  'subject.exported', 'subject.erased', 'session.deleted', 'retention.swept',
] as const;

/** Asks for entries after a number, the oldest first. */
export type Ask = (after: number, limit: number, action?: string) => Promise<Entry[]>;

/** The number of the last entry, of which at least so many are sound. */
export async function lastNumber(sound: number, from: Ask): Promise<number> {
  for (let last = sound; ; ) {
    const found = await from(last, MOST);
    last = found.at(-1)?.number ?? last;
    if (found.length < MOST) return last;
  }
}

/** A page of entries up to a number, the newest first; fewer than a page: there are no older ones. */
export async function pageUpTo(last: number, from: Ask): Promise<Entry[]> {
  const found: Entry[] = [];
  for (let top = last; top > 0 && found.length < PAGE; top -= PAGE) { // numbers may be missing where somebody took entries out
    const after = Math.max(0, top - PAGE);
    const entries = (await from(after, top - after)).filter((one) => one.number <= top);
    found.push(...entries.reverse());
  }
  return found;
}

/** All entries of one kind, the newest first. */
export async function allOf(action: string, from: Ask): Promise<Entry[]> {
  const found: Entry[] = [];
  for (;;) {
    const entries = await from(found.at(-1)?.number ?? 0, MOST, action);
    found.push(...entries);
    if (entries.length < MOST) return found.reverse();
  }
}
