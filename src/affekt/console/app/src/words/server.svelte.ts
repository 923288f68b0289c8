/** What the server says of its own accord, in the language that is spoken; sentences that are not known are shown as they are. */
import { lang } from './index.svelte';

const CHINESE: [RegExp, string][] = [
  [/^no label is likely enough: the likeliest has ([\d.]+), below ([\d.]+)$/, '没有足够可能的标签：最高为 $1，低于 $2'],
  [/^too quiet: (-?\d+) dB of full scale$/, '声音太小：满刻度 $1 dB'],
  [/^too short: ([\d.]+) s of speech$/, '语音太短：$1 秒'],
];

/** A reason, warning or detail of the server. */
export function told(sentence: string): string {
  if (lang() === 'en') return sentence;
  const found = CHINESE.find(([pattern]) => pattern.test(sentence));
  return found ? sentence.replace(found[0], found[1]) : sentence;
}
