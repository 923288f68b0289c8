/** What a deployment can declare of itself, in the order in which it is offered. */
import { answered, api } from '../../api/client';
import { setDeployment, type Deployment } from '../../state/session.svelte';
import { say } from '../../words/index.svelte';

export type Purpose = Deployment['purpose'];
export type Setting = Deployment['setting'];
export type Reason = Deployment['reason'];

export const PURPOSES = Object.keys({
  wellbeing: 0, customer_service: 0, learning: 0, research: 0, social_listening: 0, fake_reviews: 0, safety: 0, other: 0,
} satisfies Record<Purpose, 0>) as Purpose[];
export const SETTINGS = Object.keys({ public: 0, private: 0, workplace: 0, education: 0, healthcare: 0 } satisfies Record<Setting, 0>) as Setting[];
export const REASONS = ['', ...Object.keys({ medical: 0, safety: 0 } satisfies Record<Exclude<Reason, ''>, 0>)] as Reason[];

/** What the server declares now; the rest of the console goes by it, too. */
export async function declared(): Promise<Deployment> {
  const found = await answered(api.GET('/v1/deployment'));
  setDeployment(found);
  return found;
}

/** A purpose in words; one that is not known as it is. */
export function purposeName(purpose: string): string {
  return PURPOSES.some((one) => one === purpose) ? say(`settings.purpose_${purpose as Purpose}`) : purpose;
}
