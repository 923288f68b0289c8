/** What all pages know: the key, whether the server answers, what it declares of itself. */
import type { components } from '../api/schema';

export type Deployment = components['schemas']['ToldDeployment'];
const KEPT = 'affekt.key';

const state = $state({
  key: sessionStorage.getItem(KEPT) ?? '',
  needed: false, // a call was refused for want of a key
  wrong: false, // the key that was given opens nothing
  online: true,
  opened: 0, // counts keys that were given, so that pages load anew
  deployment: null as Deployment | null,
});

export const session: Readonly<typeof state> = state;

/** The key, or an empty string. */
export function keyOf(): string {
  return state.key;
}

/** Asks for a key; what is shown stays, for it may be half-done work. */
export function needKey(): void {
  state.wrong = state.key !== '';
  state.needed = true;
}

/** Goes on with another key; an empty one forgets it. */
export function useKey(key: string): void {
  state.key = key.trim();
  if (state.key) sessionStorage.setItem(KEPT, state.key);
  else sessionStorage.removeItem(KEPT);
  state.needed = false;
  state.wrong = false;
  state.deployment = null;
  state.opened += 1;
}

/** Closes the question without a key. */
export function leaveKey(): void {
  state.needed = false;
}

export function setOnline(online: boolean): void {
  state.online = online;
}

export function setDeployment(deployment: Deployment | null): void {
  state.deployment = deployment;
}

/** Whether the caller has a role, as far as is known. */
export function may(role: 'reader' | 'analyst' | 'admin'): boolean {
  const roles = ['reader', 'analyst', 'admin'];
  return roles.indexOf(state.deployment?.caller.role ?? 'reader') >= roles.indexOf(role);
}
