/** Whether single keys do something on the page Live: who speaks to the computer, or presses keys by accident, switches that off (WCAG 2.1.4). */
const KEPT = 'affekt.shortcuts';
const state = $state({ on: localStorage.getItem(KEPT) !== 'off' });

export const shortcuts: Readonly<typeof state> = state;

export function allowShortcuts(on: boolean): void {
  state.on = on;
  localStorage.setItem(KEPT, on ? 'on' : 'off');
}
