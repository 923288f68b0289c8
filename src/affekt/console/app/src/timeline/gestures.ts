/** Wheel, drag, pinch, double click and keys on the chart. */
import { panned, zoomed } from './range';
import type { View } from './view.svelte';

const STILL = 4; // pixels a pointer may move and still press
const KEYS: Record<string, number> = { ArrowLeft: -0.02, ArrowRight: 0.02, PageUp: -0.9, PageDown: 0.9 };

/** Answers pointers on an element whose width is the range. Args: onpress: where it was pressed, as time and pixels from the top. */
export function pointing(element: HTMLElement, view: View, onpress: (time: number, y: number) => void): () => void {
  const held = new Map<number, PointerEvent>();
  let begun: PointerEvent | null = null;
  const timeAt = (x: number) => {
    const box = element.getBoundingClientRect();
    return view.range.from + ((x - box.left) / box.width) * (view.range.to - view.range.from);
  };
  const perPixel = () => (view.range.to - view.range.from) / element.clientWidth;

  const answers = {
    pointerdown(event: PointerEvent) {
      if (event.button !== 0) return;
      held.set(event.pointerId, event);
      begun = held.size === 1 ? event : null;
    },
    pointermove(event: PointerEvent) {
      const before = held.get(event.pointerId);
      if (!before) return;
      if (begun && Math.hypot(event.clientX - begun.clientX, event.clientY - begun.clientY) < STILL) return;
      if (begun) element.setPointerCapture(event.pointerId);
      begun = null;
      const other = [...held].find(([id]) => id !== event.pointerId)?.[1];
      held.set(event.pointerId, event);
      if (!other) view.range = panned(view.range, view.span, (before.clientX - event.clientX) * perPixel());
      else {
        const [was, is] = [Math.abs(before.clientX - other.clientX), Math.abs(event.clientX - other.clientX)];
        view.range = zoomed(view.range, view.span, Math.max(is, 8) / Math.max(was, 8), timeAt((event.clientX + other.clientX) / 2));
      }
    },
    pointerup(event: PointerEvent) {
      held.delete(event.pointerId);
      if (begun?.pointerId === event.pointerId) onpress(timeAt(event.clientX), event.clientY - element.getBoundingClientRect().top);
      begun = null;
    },
    pointercancel(event: PointerEvent) {
      held.delete(event.pointerId);
      begun = null;
    },
    wheel(event: WheelEvent) {
      const sideways = event.shiftKey ? event.deltaY : Math.abs(event.deltaX) > Math.abs(event.deltaY) ? event.deltaX : 0;
      const whole = view.range.to - view.range.from >= view.span;
      if (whole && (sideways || event.deltaY > 0)) return; // there is no more to see, so the page scrolls
      event.preventDefault();
      if (sideways) view.range = panned(view.range, view.span, sideways * perPixel());
      else view.range = zoomed(view.range, view.span, 1.0015 ** -event.deltaY, timeAt(event.clientX));
    },
    dblclick: () => (view.range = { from: 0, to: view.span }),
  };
  for (const [name, answer] of Object.entries(answers)) element.addEventListener(name, answer as EventListener, { passive: false });
  return () => {
    for (const [name, answer] of Object.entries(answers)) element.removeEventListener(name, answer as EventListener);
  };
}

/** Answers a key; whether it was one of ours. Arrows move the cursor, with Shift what is seen; + and - zoom, 0 shows all. */
export function pressed(event: KeyboardEvent, view: View): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const width = view.range.to - view.range.from;
  const move = KEYS[event.key];
  if (move && event.shiftKey) view.range = panned(view.range, view.span, move * 5 * width);
  else if (move) view.go(view.time + move * width);
  else if (event.key === 'Home') view.go(0);
  else if (event.key === 'End') view.go(view.span);
  else if (event.key === '+' || event.key === '=') view.range = zoomed(view.range, view.span, 1.6, view.time);
  else if (event.key === '-') view.range = zoomed(view.range, view.span, 1 / 1.6, view.time);
  else if (event.key === '0') view.range = { from: 0, to: view.span };
  else return false;
  event.preventDefault();
  return true;
}
