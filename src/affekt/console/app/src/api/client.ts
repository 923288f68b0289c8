/** The server's public interface, typed by its own description: `api.GET('/v1/models')` answers with `data`, or `error`. */
import createClient from 'openapi-fetch';
import { keyOf, needKey, setOnline } from '../state/session.svelte';
import type { components, paths } from './schema';

type Schemas = components['schemas'];
export type Timeline = Schemas['Timeline'];
export type Reading = Schemas['Reading'];
export type Event = Schemas['Event'];

/** A problem as RFC 9457 has it, or that the server was not reached (`type` "offline"). */
export class Problem extends Error {
  constructor(
    readonly type: string,
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly after: number | null = null, // seconds to wait
  ) {
    super(`${title}: ${detail}`);
  }

  get offline(): boolean {
    return this.type === 'offline';
  }

  get refused(): boolean {
    return /policy-refused|consent/.test(this.type);
  }

  get forbidden(): boolean {
    return this.type.endsWith('not-allowed');
  }
}

/** Where the server is, relative to the page, so that a path of a proxy works as well. */
export const BASE = new URL('.', document.baseURI).pathname.replace(/\/$/, '');

const reach: typeof fetch = async (...given) => {
  const reply = await fetch(...given).catch((error: unknown) => {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    setOnline(false);
    throw new Problem('offline', 0, 'offline', String(error));
  });
  const away = isAway(reply.status, reply.headers.get('Content-Type'));
  setOnline(!away);
  if (away) throw new Problem('offline', reply.status, 'offline', `${reply.status} ${reply.statusText}`);
  return reply;
};

/** Whether a proxy says that the server does not answer; the server itself would say why. */
export function isAway(status: number, type: string | null): boolean {
  return (status === 502 || status === 503 || status === 504) && !type?.startsWith('application/problem+json');
}

export const api = createClient<paths>({ baseUrl: BASE, fetch: (request) => reach(request) });
api.use({
  onRequest({ request }) {
    const key = keyOf();
    if (key) request.headers.set('Authorization', `Bearer ${key}`);
  },
});

/**
 * What a call answers.
 * @throws {Problem} it was refused, or the server was not reached; where a key is missing, it is asked for as well.
 */
export async function answered<Data>(call: Promise<{ data?: Data; error?: unknown; response: Response }>): Promise<Data> {
  const { data, error, response } = await call;
  if (response.ok) return data as Data;
  throw problemOf(response, error);
}

/**
 * The reply of a route whose answer is a file.
 * @throws {Problem} as `answered`.
 */
export async function fetched(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  const key = keyOf();
  if (key) headers.set('Authorization', `Bearer ${key}`);
  const response = await reach(BASE + path, { ...init, headers });
  if (response.ok) return response;
  throw problemOf(response, await response.json().catch(() => null));
}

/** What a reply that is no success says. */
export function problemOf(response: { status: number; statusText?: string; headers?: Headers }, body: unknown): Problem {
  const said = (body ?? {}) as Partial<Record<'type' | 'title' | 'detail', string>>;
  if (response.status === 401) needKey();
  const after = Number(response.headers?.get('Retry-After')) || null;
  const title = said.title ?? response.statusText ?? '';
  return new Problem(said.type ?? 'about:blank', response.status, title, said.detail ?? `${response.status} ${title}`, after);
}

/** Anything that was thrown, as a problem. */
export function asProblem(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
  return new Problem('about:blank', 0, '', thrown instanceof Error ? thrown.message : String(thrown));
}
