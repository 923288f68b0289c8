/** Light, dark, or as the system has it. */
export type Theme = 'system' | 'light' | 'dark';
const KEPT = 'affekt.theme';
const state = $state({ theme: kept(), changed: 0 });

function kept(): Theme {
  const found = localStorage.getItem(KEPT);
  return found === 'light' || found === 'dark' ? found : 'system';
}

/** The choice; and `changed`, which counts changes of what is seen, for canvases that are to be drawn anew. */
export const theme: Readonly<typeof state> = state;

export function applyTheme(wanted: Theme): void {
  state.theme = wanted;
  if (wanted === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = wanted;
  localStorage.setItem(KEPT, wanted);
  state.changed += 1;
}

export function startTheme(): void {
  if (state.theme !== 'system') document.documentElement.dataset.theme = state.theme;
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => (state.changed += 1));
}
