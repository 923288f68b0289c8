/** What a component loads, and loads anew when that on which it depends changes, or the server answers again. */
import { untrack } from 'svelte';
import { asProblem } from '../api/client';
import { session } from './session.svelte';

export interface Loads<Value> {
  readonly value: Value | null;
  readonly problem: unknown;
  readonly busy: boolean;
  again: () => void;
}

/**
 * The value that `ask` answers with; while it is asked for anew, the one before stays.
 * Called while a component is made; what `ask` reads before it first waits decides when it is asked again.
 */
export function loads<Value>(ask: () => Promise<Value>): Loads<Value> {
  let value = $state.raw<Value | null>(null);
  let problem = $state.raw<unknown>(null);
  let busy = $state(true);
  let times = $state(0);

  $effect(() => {
    void times;
    let wanted = true; // until something else is asked for
    busy = true;
    ask().then(
      (found) => { if (wanted) [value, problem, busy] = [found, null, false]; },
      (thrown) => { if (wanted) [problem, busy] = [thrown, false]; },
    );
    return () => { wanted = false; };
  });
  onceOnline(() => problem !== null && asProblem(problem).offline && (times += 1));

  return {
    get value() { return value; },
    get problem() { return problem; },
    get busy() { return busy; },
    again: () => { times += 1; },
  };
}

export interface Paged<Item> extends Omit<Loads<Item[]>, 'value'> {
  readonly items: Item[];
  readonly ended: boolean; // there are no more
  readonly known: boolean; // the first page has come
  more: () => Promise<void>;
  drop: (which: (item: Item) => boolean) => void;
}

/**
 * A list that comes in pages of `size`; `ask` takes the last item that is known, or null at the beginning.
 * What `ask` reads before it first waits decides when the list begins anew.
 */
export function pages<Item>(ask: (last: Item | null) => Promise<Item[]>, size: number): Paged<Item> {
  let items = $state.raw<Item[]>([]);
  let ended = $state(false);
  let adding = $state(false);
  let known = $state(false);
  let failed = $state.raw<unknown>(null); // of a page that is not the first
  let turn = 0;
  const first = loads(() => ask(null));

  $effect(() => {
    if (!first.value) return;
    [items, ended, known, failed] = [first.value, first.value.length < size, true, null];
    turn += 1;
  });

  async function more(): Promise<void> {
    const mine = turn;
    adding = true;
    try {
      const found = await ask(items.at(-1) ?? null);
      if (mine === turn) [items, ended, failed] = [[...items, ...found], found.length < size, null];
    } catch (thrown) {
      if (mine === turn) failed = thrown;
    } finally {
      adding = false;
    }
  }

  return {
    get items() { return items; },
    get ended() { return ended; },
    get known() { return known; },
    get busy() { return first.busy || adding; },
    get problem() { return first.problem ?? failed; },
    again: () => (failed === null ? first.again() : void more()),
    more,
    drop: (which) => { items = items.filter((item) => !which(item)); },
  };
}

/** Does something each time that the server answers again. */
function onceOnline(then: () => unknown): void {
  $effect(() => {
    if (session.online) untrack(then);
  });
}
