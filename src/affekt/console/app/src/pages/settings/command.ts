/** How whoever runs the server declares something: flags of its command, or variables of its environment. */

export type Declared = Record<string, string | number | boolean>;

/** "affekt serve --purpose wellbeing": what is empty or false is left out. */
export function commandOf(declared: Declared): string {
  const flags = said(declared).map(([name, value]) => `--${name.replaceAll('_', '-')}${value === true ? '' : ` ${quoted(String(value))}`}`);
  return ['affekt serve', ...flags].join(' ');
}

/** Lines as AFFEKT_PURPOSE=wellbeing. */
export function variablesOf(declared: Declared): string {
  return said(declared).map(([name, value]) => `AFFEKT_${name.toUpperCase()}=${quoted(String(value))}`).join('\n');
}

function said(declared: Declared): [string, string | number | boolean][] {
  return Object.entries(declared).filter(([, value]) => value !== '' && value !== false);
}

/** A word as a shell takes it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
