/** Sessions that lists have told of, so that one that is opened from a list has its name at once. */
import { answered, api } from '../../api/client';
import { session } from '../../state/session.svelte';
import type { Told } from './filter';
import { titleOf } from './telling';

const known = new Map<string, Told>();
let opened = 0; // the key that they were told to

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

/** What a session says of itself; what a list told of it is known already. */
export async function tellOf(id: string): Promise<Told> {
  remember([]); // forgets what another key was told
  const told = known.get(id) ?? (await answered(api.GET('/v1/sessions/{id}/about', { params: { path: { id } } })));
  known.set(id, told);
  return told;
}
