/** What the numbers of a model's card say, apart from how they are drawn. */
import type { components } from '../../api/schema';

type Schemas = components['schemas'];
export type Model = Schemas['Model'];
export type LabelSet = Schemas['Labels'];
export type Measured = Schemas['Measured'];
export type Bin = Schemas['Bin'];
export type Group = Schemas['Group'];
export type Column = 'name' | 'n' | 'macro_f1' | 'ece';

const FEW = 30; // readings of which a share in ten can be told
const NEAR = 0.07; // how far from what was asked a bin may lie: bins are a fifteenth wide

/** The bin of readings that say about as much as is asked, or where few do, the one that holds most; null where all hold few. */
export function telling(bins: readonly Bin[], said = 0.8): Bin | null {
  const large = bins.filter((bin) => bin.n >= FEW);
  const near = large.filter((bin) => Math.abs(bin.predicted - said) <= NEAR);
  if (near.length) return near.reduce((best, bin) => (Math.abs(bin.predicted - said) < Math.abs(best.predicted - said) ? bin : best));
  return large.length ? large.reduce((best, bin) => (bin.n > best.n ? bin : best)) : null;
}

/** Groups in another order; those without a number in the column come last, whichever way it goes. */
export function ordered(groups: readonly Group[], column: Column, up: boolean, nameOf: (group: Group) => string): Group[] {
  const names = new Intl.Collator(undefined, { numeric: true });
  const by = (one: Group, other: Group): number => {
    if (column === 'name') return names.compare(nameOf(one), nameOf(other));
    return (one[column] ?? 0) - (other[column] ?? 0);
  };
  const known = groups.filter((group) => column === 'name' || group[column] != null);
  const rest = groups.filter((group) => !known.includes(group));
  return [...known.sort((one, other) => (up ? by(one, other) : by(other, one))), ...rest];
}

/** The kinds of group that a set has, in the order in which they come. */
export function kindsOf(groups: readonly Group[]): string[] {
  return [...new Set(groups.map((group) => group.kind))];
}

/** A language by its name; codes that a browser does not know stay codes. */
export function languageName(code: string, lang: string): string {
  try {
    return new Intl.DisplayNames(lang, { type: 'language', languageDisplay: 'standard' }).of(code) ?? code;
  } catch {
    return code;
  }
}

/** The points of a line through the risks, surest first, as SVG wants them; the field is 100 wide and 100 high. */
export function riskLine(risks: readonly Schemas['Risk'][], highest: number): string {
  const sorted = [...risks].sort((one, other) => one.coverage - other.coverage);
  return sorted.map(({ coverage, risk }) => `${100 * coverage},${100 - (100 * risk) / highest}`).join(' ');
}

/** The number at which an axis ends: the next tenth above the largest value. */
export function axisEnd(largest: number): number {
  return Math.min(1, Math.max(0.1, Math.ceil(largest * 10 - 1e-9) / 10));
}

/** How the setting is called by which a server uses a model. */
export function commandOf(model: Pick<Model, 'name' | 'modality' | 'kind'>): string {
  if (model.kind === 'fusion') return `AFFEKT_FUSION=${model.name.replace(/^fusion_/, '')} affekt serve`;
  if (model.kind === 'context') return 'AFFEKT_CONTEXT=true affekt serve';
  return `AFFEKT_${model.modality.toUpperCase()}_MODEL=${model.name} affekt serve`;
}
