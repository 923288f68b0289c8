/** What the rules of the server let be read, where a deployment declares this or that. */
import type { components } from '../../api/schema';

type Rule = components['schemas']['ToldRule'];
export interface Ruled {
  modality: Rule['modality'];
  allowed: boolean;
  rule: Rule | null; // null: none is about it
}

/** What may be read in a setting, for a reason. */
export function ruledBy(rules: Rule[], modalities: Rule['modality'][], setting: Rule['setting'], reason: Rule['unless'][number]): Ruled[] {
  return modalities.map((modality) => {
    const about = rules.filter((one) => one.setting === setting && one.modality === modality);
    const broken = about.find((one) => !one.unless.includes(reason));
    return { modality, allowed: !broken, rule: broken ?? about[0] ?? null };
  });
}
