/** Which page is shown, from what stands behind # in the address: "#/sessions/session_1?since=…". */
export const PAGES = ['live', 'analyse', 'sessions', 'people', 'models', 'settings'] as const;
export type Page = (typeof PAGES)[number];
interface Route {
  page: Page | null; // null: there is no such page
  id: string | null;
  query: Record<string, string>;
}

const state = $state<{ route: Route }>({ route: read(location.hash) });

/** The route, reactive. */
export function route(): Route {
  return state.route;
}

export function startRoute(): void {
  addEventListener('hashchange', () => { state.route = read(location.hash); });
}

/** The address of a page. */
export function pathTo(page: Page, id?: string | null, query: Record<string, string | undefined> = {}): string {
  const given = Object.entries(query).filter((pair): pair is [string, string] => Boolean(pair[1]));
  const asked = given.length ? `?${new URLSearchParams(given)}` : '';
  return `#/${page}${id ? `/${encodeURIComponent(id)}` : ''}${asked}`;
}

/** Goes to a page; `replace` leaves no step to go back to, for filters that change. */
export function go(path: string, { replace = false } = {}): void {
  if (!replace) location.hash = path;
  else {
    history.replaceState(null, '', path);
    state.route = read(path);
  }
}

export function read(hash: string): Route {
  const [path = '', asked = ''] = hash.replace(/^#\/?/, '').split('?');
  const [page = '', id = ''] = path.split('/');
  const query = Object.fromEntries(new URLSearchParams(asked));
  const known = PAGES.find((name) => name === page) ?? (page === '' ? 'live' : null);
  return { page: known, id: id ? decoded(id) : null, query };
}

function decoded(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    return id; // a lone % that somebody typed
  }
}
