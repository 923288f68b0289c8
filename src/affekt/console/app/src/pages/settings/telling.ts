/** What entries of the audit log tell, in the language that is spoken. */
import { number, say, type Key } from '../../words/index.svelte';

const CHOICES = ['purpose', 'setting', 'reason', 'role']; // whose values have a name

function named(key: string, otherwise: string): string {
  const found = say(key as Key);
  return found === key ? otherwise : found;
}

/** What happened. */
export function actionName(action: string): string {
  return named(`settings.action_${action.replace('.', '_')}`, action);
}

/** Who did it: the server, anybody where no key is needed, or a key. */
export function callerName(who: string): string {
  return named(`settings.who_${who}`, who);
}

/** What a member of the details is called. */
export function detailName(name: string): string {
  return named(`settings.detail_${name}`, name);
}

/** A member of the details, as people read it. */
export function detailValue(name: string, value: unknown): string {
  if (typeof value === 'number') return number(value);
  if (typeof value === 'boolean') return say(value ? 'settings.detail_yes' : 'settings.detail_no');
  if (Array.isArray(value)) return value.map((one) => named(`shell.${one}`, String(one))).join(say('shell.between'));
  if (value && typeof value === 'object') return Object.entries(value).map(([part, one]) => `${detailName(part)} ${detailValue(part, one)}`).join(say('shell.between'));
  return CHOICES.includes(name) ? named(`settings.${name}_${value}`, String(value)) : String(value);
}
