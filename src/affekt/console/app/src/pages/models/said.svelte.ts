/** How a card, its figures and its groups are told in the language that is spoken. */
import { lang, say, type Key } from '../../words/index.svelte';
import chinese from '../../words/zh/cards';
import { languageName, type Group, type Model } from './figures';

const NO_LANGUAGE = 'zxx'; // ISO 639-2: no linguistic content
const SEVERAL = 'mul';
const CORPORA: Record<string, string> = {
  brighter: 'BRIGHTER', casia: 'CASIA', cped: 'CPED', emobank: 'EmoBank', emodb: 'EmoDB', emoita: 'EmoITA', goemotions: 'GoEmotions',
  goemotions_ko: 'GoEmotions (ko)', nemo: 'nEMO', ravdess: 'RAVDESS', red: 'RED', xed: 'XED',
};

/** A sentence or name that stands on a card. */
export function onCard(sentence: string): string {
  return (lang() === 'zh' && chinese[sentence]) || sentence;
}

/** A corpus as its makers write it. */
export function corpusName(name: string): string {
  return CORPORA[name] ?? onCard(name);
}

/** What a model reads. */
export function kindOf(model: Pick<Model, 'kind' | 'modality'>): string {
  return say(model.kind === 'context' ? 'models.kind_context' : (`models.kind_${model.modality}` as Key));
}

/** The languages of a model; none where it does not depend on any. */
export function languagesOf(model: Pick<Model, 'languages'>): string[] {
  const names = model.languages.filter((code) => code !== NO_LANGUAGE && code !== SEVERAL).map(named);
  return names.sort(new Intl.Collator(lang()).compare);
}

/** What is told of a model without languages. */
export function withoutLanguage(model: Pick<Model, 'languages'>): string {
  return say(model.languages.includes(SEVERAL) ? 'models.many_languages' : 'models.any_language');
}

/** By what a kind of group tells rows apart. */
export function kindName(kind: string): string {
  const found = say(`models.by_${kind}` as Key);
  return found === `models.by_${kind}` ? kind : found;
}

/** A group's name. */
export function groupName({ kind, name }: Pick<Group, 'kind' | 'name'>): string {
  if (kind === 'language') return named(name);
  if (kind === 'corpus') return corpusName(name);
  if (kind === 'heard') return name === '0' ? say('models.heard_none') : say('models.heard_after', { count: Number(name) });
  if (kind === 'modalities') return name.split('+').map((part) => say(`shell.${part}` as Key)).join(' + ');
  if (kind === 'agreement') return agreed(name);
  const known = say(`models.${name}` as Key);
  return known === `models.${name}` ? name : known;
}

/** A language by its name; some are not known to browsers. */
function named(code: string): string {
  const ours = say(`models.lang_${code}` as Key);
  return ours === `models.lang_${code}` ? languageName(code, lang()) : ours;
}

function agreed(name: string): string {
  if (name.startsWith('5')) return say('models.agree_few');
  const count = name.replace(/ of 10$/, '').replace(' or ', '–');
  return say('models.agree', { count });
}
