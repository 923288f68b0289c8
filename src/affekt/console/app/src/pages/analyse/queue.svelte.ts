/** All that is read on this visit: at most two are sent at once; what fails leaves the others alone; jobs outlive the page. */
import { untrack } from 'svelte';
import { answered, api, asProblem, fetched, Problem, type Timeline } from '../../api/client';
import { onceWord } from '../../api/once';
import { keyOf, session } from '../../state/session.svelte';
import { number, say } from '../../words/index.svelte';
import { Item, type Job, type Opened, type Options } from './item.svelte';
import { isMedia } from './kinds';
import { asTimeline } from './saved';
import { upload } from './upload';

const AT_ONCE = 2;
const MOST_LOST = 5; // times that something is sent anew by itself: a file that has changed on disk never comes
const SHORT = 20_000; // bytes of a text that is read at once, as long as the server's limits are not known
const KEPT = 'affekt.jobs';
const [SOON, LATE] = [400, 8000]; // milliseconds between two looks at a job
interface Answer { timelines: (Timeline | null)[]; sessions: (string | null)[]; problems: { index: number; detail: string }[] }

const state = $state<{ items: Item[] }>({ items: [] });

export const queue: Readonly<typeof state> = state;

/** Takes in files; they are read one after the other. */
export function addFiles(files: readonly File[], options: Options): Item[] {
  const items = files.map((file) => new Item(file, { ...options }));
  state.items.unshift(...items);
  pump();
  return items;
}

/** Takes in texts, each of which is read by itself. */
export function addTexts(texts: string[], options: Options, whole: boolean): Item {
  const item = new Item(null, options, { name: excerpt(texts[0] ?? ''), kind: 'text' });
  item.given = { texts, whole };
  state.items.unshift(item);
  pump();
  return item;
}

/** A job of the server, which may still run; the same one is taken in once. */
export function addJob(job: Job): Item {
  const known = found(job.id);
  if (known) return known;
  const item = new Item(null, {}, { name: job.file, job });
  state.items.unshift(item);
  keepJobs();
  void run(item, () => follow(item));
  return item;
}

export function found(address: string): Item | undefined {
  return state.items.find((item) => item.address === address);
}

export function cancel(item: Item): void {
  item.stop.abort();
  item.state = 'cancelled';
  if (item.job) void api.DELETE('/v1/jobs/{job}', { params: { path: { job: item.job.id } } }).catch(() => null); // then it runs to its end
  item.job = null;
  keepJobs();
  pump();
}

export function retry(item: Item): void {
  item.stop = new AbortController();
  [item.problem, item.share, item.until, item.lost, item.state] = [null, null, 0, 0, 'waiting'];
  if (item.job && (item.job.state !== 'failed' || !item.file)) void run(item, () => follow(item));
  else {
    [item.job, item.once] = [null, onceWord()]; // the same word would give the same failed job again
    pump();
  }
}

/** The columns of a table of which the server asks which one holds the text. */
export function askColumn(item: Item): string[] {
  const asked = /^which column of .* there are: (.*)$/.exec(item.problem?.detail ?? '')?.[1];
  return [...(asked ?? '').matchAll(/'([^']*)'/g)].map((found) => found[1]!).slice(0, 30);
}

export function remove(item: Item): void {
  item.stop.abort();
  state.items = state.items.filter((other) => other !== item);
  keepJobs();
  pump();
}

/** Takes up the jobs that were followed before the page was loaded anew. */
export async function restore(): Promise<void> {
  const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? '[]') as string[];
  for (const id of kept.reverse()) {
    if (found(id)) continue;
    const job = await answered(api.GET('/v1/jobs/{job}', { params: { path: { job: id } } })).catch(() => null);
    if (job && job.state !== 'cancelled') addJob(job);
  }
}

$effect.root(() => {
  let known = session.opened;
  $effect(() => {
    if (session.opened === known) return;
    known = session.opened;
    untrack(changeKey);
  });
  $effect(() => {
    if (session.online) pump(); // what could not be sent goes on
  });
});

/** With a key that was missing, goes on; what was read stays only with who has a key. */
function changeKey(): void {
  if (keyOf()) for (const item of state.items) item.problem?.status === 401 && retry(item);
  else {
    for (const item of state.items) item.stop.abort();
    state.items = [];
    keepJobs();
  }
}

function pump(): void {
  if (!session.online) return;
  const sending = state.items.filter((item) => item.state === 'sending' || (item.state === 'reading' && item.unsent)).length;
  const next = state.items.filter((item) => item.state === 'waiting' && item.unsent && item.until <= Date.now());
  for (const item of next.reverse().slice(0, Math.max(0, AT_ONCE - sending))) void run(item, () => send(item));
}

async function run(item: Item, work: () => Promise<void>): Promise<void> {
  item.state = item.unsent ? 'sending' : 'reading';
  try {
    await work();
    if (item.stop.signal.aborted) return;
    item.state = 'done';
  } catch (thrown) {
    if (item.stop.signal.aborted) return;
    failed(item, asProblem(thrown));
  } finally {
    pump();
  }
}

/** Waits for the server where it asks for that or is away; else it has failed. */
function failed(item: Item, problem: Problem): void {
  const patience = problem.status === 429 || (problem.status === 503 && problem.after);
  const twice = item.given !== null && item.options.save; // texts that may have come, and have no word by which they are known
  const away = problem.offline && problem.status !== 504 && !twice; // what a proxy found too long would be so again
  if (away) item.lost += 1;
  if (item.unsent && ((away && item.lost <= MOST_LOST) || patience)) {
    item.state = 'waiting';
    item.share = null;
    const wait = (problem.after ?? (problem.offline ? 0 : 10)) * 1000;
    item.until = Date.now() + wait;
    setTimeout(pump, wait + 50);
    return;
  }
  [item.problem, item.state] = [problem, 'failed'];
}

async function send(item: Item): Promise<void> {
  if (item.given) return readTexts(item, item.given.texts, item.given.whole);
  const file = item.file!;
  if (/\.json$/i.test(file.name)) {
    const timeline = await asTimeline(file);
    if (timeline) {
      item.opened = { name: item.name, timeline, media: null, session: null };
      return;
    }
  }
  const limits = session.deployment?.limits;
  const short = item.kind === 'picture' || (item.kind === 'text' && file.size <= (limits?.characters ?? SHORT));
  const atOnce = short && !item.options.save; // a job is known by its word, so that nothing is saved twice
  const most = atOnce ? limits?.bytes : limits?.job_bytes;
  if (most && file.size > most) throw new Problem('too-large', 413, '', say('analyse.too_large', { size: megabytes(file.size), most: megabytes(most) }));
  if (atOnce) await sendAtOnce(item, file);
  else await sendJob(item, file);
}

async function sendAtOnce(item: Item, file: File): Promise<void> {
  const onshare = (share: number) => {
    if (share === 1) [item.state, item.share] = ['reading', null];
    else item.share = share;
  };
  const answer = await upload<Answer>('/v1/read', { file, signal: item.stop.signal, onshare, options: item.options });
  item.opened = openedOf(item, answer.timelines[0]!, answer.sessions[0] ?? null);
}

async function sendJob(item: Item, file: File): Promise<void> {
  const options = item.kind === 'table' ? { labels: item.options.labels, column: item.options.column } : item.options;
  const onshare = (share: number) => (item.share = share);
  item.job = await upload<Job>('/v1/jobs', { file, signal: item.stop.signal, onshare, options, once: item.once });
  [item.state, item.share] = ['reading', null];
  keepJobs();
  pump();
  await follow(item);
}

/** Looks at a job until it has ended, less and less often. */
async function follow(item: Item): Promise<void> {
  for (let wait = SOON; ; wait = Math.min(LATE, wait * 1.4)) {
    if (item.stop.signal.aborted) return;
    const job = await answered(api.GET('/v1/jobs/{job}', { params: { path: { job: item.job!.id } } })).catch((thrown: unknown) => {
      const problem = asProblem(thrown);
      if (problem.offline || problem.status === 429) return null; // it runs on meanwhile
      throw problem;
    });
    if (job) [item.job, item.share] = [job, job.progress];
    if (job?.state === 'done') return finished(item, job);
    if (job?.state === 'failed') throw problemIn(job);
    if (job?.state === 'cancelled') throw new Problem('cancelled', 0, '', 'the job was cancelled');
    await new Promise((go) => setTimeout(go, wait));
  }
}

async function finished(item: Item, job: Job): Promise<void> {
  if (job.problem) throw problemIn(job);
  if (job.table) return;
  const reply = await fetched(`/v1/jobs/${encodeURIComponent(job.id)}/result`);
  item.opened = openedOf(item, (await reply.json()) as Timeline, job.session);
}

async function readTexts(item: Item, texts: string[], whole: boolean): Promise<void> {
  item.state = 'reading';
  const { who: _, ...options } = item.options;
  const given = await answered(api.POST('/v1/read', { body: { text: null, texts, whole, labels: null, save: false, name: '', ...options }, signal: item.stop.signal }));
  const { timelines, sessions, problems } = given as unknown as Answer;
  const opened = timelines.map((timeline, at) => timeline && { name: excerpt(texts[at]!), timeline, media: null, session: sessions[at] ?? null });
  if (texts.length === 1) item.opened = opened[0]!;
  else item.texts = { texts, opened, problems };
}

function openedOf(item: Item, timeline: Timeline, kept: string | null): Opened {
  return { name: item.name, timeline, media: isMedia(item.kind) ? item.file : null, session: kept };
}

function problemIn(job: Job): Problem {
  const given = (job.problem ?? {}) as { type?: string; status?: number; title?: string; detail?: string };
  return new Problem(given.type ?? 'about:blank', given.status ?? 0, given.title ?? '', given.detail ?? job.state);
}

function keepJobs(): void {
  const ids = state.items.filter((item) => item.state !== 'cancelled').flatMap((item) => (item.job ? [item.job.id] : []));
  sessionStorage.setItem(KEPT, JSON.stringify(ids));
}

function excerpt(text: string): string {
  const line = text.trim().replace(/\s+/g, ' ');
  return line.length > 60 ? `${line.slice(0, 57)}…` : line;
}

function megabytes(bytes: number): string {
  return number(bytes / 1e6, { maximumFractionDigits: 1 });
}
