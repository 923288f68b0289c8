/** The live view that there is, if there is one; it outlives the page, so that nothing is lost where one looks at another. */
import { untrack } from 'svelte';
import { BASE, Problem } from '../../api/client';
import { DeviceTrouble } from '../../capture/devices';
import type { Failure } from '../../stream/client';
import { route } from '../../state/route.svelte';
import { keyOf, needKey, session, setOnline } from '../../state/session.svelte';
import { say } from '../../words/index.svelte';
import { Take, type Choice } from './take.svelte';

const state = $state({ take: null as Take | null, starting: false, problem: null as unknown });

export const live: Readonly<typeof state> = state;

/** Begins a live view; what it is refused for is in `live.problem`. */
export async function begin(choice: Choice): Promise<void> {
  discard();
  state.starting = true;
  const take = new Take(address, choice);
  try {
    await take.run();
    state.take = take;
    if (route().page !== 'live') take.pause(); // nobody is listened to behind another page
    addEventListener('beforeunload', hold);
  } catch (thrown) {
    take.discard();
    state.problem = problemOf(thrown);
  }
  state.starting = false;
}

/** Forgets the live view, and stops it where it runs. */
export function discard(): void {
  state.take?.discard();
  state.take = null;
  state.problem = null;
  removeEventListener('beforeunload', hold);
}

$effect.root(() => {
  let known = session.opened;
  $effect(() => {
    if (session.opened === known) return;
    known = session.opened;
    if (!keyOf()) untrack(discard); // what was read stays only with who has a key
  });
});

function address(): string {
  const key = keyOf();
  const { protocol, host } = location;
  return `${protocol === 'https:' ? 'wss' : 'ws'}://${host}${BASE}/v1/stream${key ? `?api_key=${encodeURIComponent(key)}` : ''}`;
}

function problemOf(thrown: unknown): unknown {
  if (thrown instanceof DeviceTrouble) return new Problem('device', 0, '', say(`live.${thrown.kind}_${thrown.trouble}`));
  const failure = thrown as Partial<Failure>;
  if (!failure?.kind) return thrown;
  if (!failure.problem) {
    setOnline(false);
    return new Problem('offline', 0, 'offline', '');
  }
  const { problem, status, title, detail } = failure.problem;
  if (status === 401) needKey();
  return new Problem(problem, status, title, detail);
}

/** Has the browser ask before it leaves what is not saved, and could not be played again. */
function hold(event: BeforeUnloadEvent): void {
  const { take } = state;
  const nothing = take === null || (take.phase === 'over' && take.timeline === null);
  if (!nothing && !take.saved && !take.choice.file) event.preventDefault();
}
