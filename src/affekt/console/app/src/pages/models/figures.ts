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
const NEAR = 0.1; // how far from what was asked readings may say

/** The readings that say about as much as is asked, together; where few do, the bin that holds most; null where all hold few. */
export function telling(bins: readonly Bin[], said = 0.8): Bin | null {
  const near = bins.filter((bin) => Math.abs(bin.predicted - said) <= NEAR);
  const n = near.reduce((sum, bin) => sum + bin.n, 0);
  const mean = (part: 'predicted' | 'observed') => near.reduce((sum, bin) => sum + bin.n * bin[part], 0) / n;
  if (n >= FEW) return { predicted: mean('predicted'), observed: mean('observed'), n };
  const large = bins.filter((bin) => bin.n >= FEW);
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

/** The points of a line through the risks, surest first, as SVG wants them, in a field as wide as high. */
export function riskLine(risks: readonly Schemas['Risk'][], highest: number, side: number): string {
  const sorted = [...risks].sort((one, other) => one.coverage - other.coverage);
  return sorted.map(({ coverage, risk }) => `${side * coverage},${side * (1 - risk / highest)}`).join(' ');
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
