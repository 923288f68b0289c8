/** Sessions that lists have told of, so that one that is opened from a list has its name at once. */
import { answered, api } from '../../api/client';
import { session } from '../../state/session.svelte';
import type { Told } from './filter';
import { titleOf } from './telling';

const known = new Map<string, Told>();
let opened = 0; // the key that they were told to
const PAGE = 1000; // the most that the server tells at a time

/** Keeps what a list told. */
export function remember(sessions: Told[]): Told[] {
  if (opened !== session.opened) known.clear();
  opened = session.opened;
  for (const one of sessions) known.set(one.id, one);
  return sessions;
}

/** What a session that was told of is called. */
export function nameOf(id: string): string {
  const one = known.get(id);
  return one ? titleOf(one) : id;
}

export function forget(id: string): void {
  known.delete(id);
}

/** What lists tell of a session; null: none does any more. */
export async function tellOf(id: string): Promise<Told | null> {
  remember([]); // forgets what another key was told
  let after: string | undefined;
  while (!known.has(id)) {
    const { sessions } = await answered(api.GET('/v1/sessions', { params: { query: { limit: PAGE, after } } }));
    remember(sessions);
    if (sessions.length < PAGE) break;
    after = sessions.at(-1)?.id;
  }
  return known.get(id) ?? null;
}
