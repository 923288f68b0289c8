/** The guided try: it plays a scene in the live view, and tells what is to be seen of it, step by step. */
import { begin, live } from '../pages/live/live.svelte';
import { LINES, scene, SECONDS, type Scene } from './scene';

/** Seconds at which each step begins; the last is what comes afterwards. */
export const STEPS = [0, 6, 11, 17, SECONDS] as const;
const KEPT = 'affekt.visited';
const state = $state({ on: false, starting: false, step: 0, visited: localStorage.getItem(KEPT) !== null, problem: null as unknown });

export const guide: Readonly<typeof state> = state;
let playing: Scene | null = null;
let timer: ReturnType<typeof setInterval> | undefined;

/** Begins; what it fails at is in `guide.problem`. */
export async function show(): Promise<void> {
  leave();
  Object.assign(state, { starting: true, step: 0, problem: null });
  try {
    playing = await scene();
    await begin({ microphone: null, camera: playing.camera, words: true, file: playing.file, labels: '', who: '', subject: '' });
    state.on = live.take !== null;
    state.problem = live.problem;
  } catch (thrown) {
    state.problem = thrown;
  }
  state.starting = false;
  if (!state.on) return leave();
  remember();
  let written = 0;
  timer = setInterval(() => {
    const { take } = live;
    if (!take) return leave();
    const over = take.phase !== 'running';
    if (over) playing?.close();
    const line = LINES[written];
    if (line && !over && take.now() >= line.at) {
      take.say(line.at, line.text, '');
      written += 1;
    }
    state.step = over ? STEPS.length - 1 : STEPS.findLastIndex((at, step) => at <= take.now() && step < STEPS.length - 1);
  }, 100);
}

/** Tells nothing more; the live view stays as it is. */
export function leave(): void {
  clearInterval(timer);
  playing?.close();
  playing = null;
  state.on = false;
}

/** It is no first visit any more. */
export function remember(): void {
  state.visited = true;
  localStorage.setItem(KEPT, '1');
}
