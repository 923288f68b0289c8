/** Names that the server gives to people who have none, in the language that is spoken. */
import { say } from '../../words/index.svelte';

const GIVEN = /^(person|face|speaker|voice) (\d+)( · \d+)?$/;

/** What a person is called: "face 2" is "Face 2", or "面孔 2"; other names are as they are. */
export function personName(who: string | null): string {
  if (!who) return say('live.somebody');
  const found = GIVEN.exec(who);
  if (!found) return who;
  return say(`live.${found[1] as 'person' | 'face' | 'speaker' | 'voice'}_number`, { number: found[2]! }) + (found[3] ?? '');
}
