/** People on record, as the server tells of them. */
import { answered, api } from '../../api/client';
import type { components } from '../../api/schema';

type Schemas = components['schemas'];
export type Whole = Schemas['WholeSubject'];
export type Consent = Whole['consents'][number];
export type Receipt = Schemas['Receipt'];
export type Subject = Schemas['Subjects']['subjects'][number];

const PAGE = 1000; // the most that the server tells at a time
const MOST = 200; // that are shown of those that were found

/** Whether an id may stand in addresses, which is what the server takes. */
export function isId(id: string): boolean {
  return /^[^\u0000-\u001f\u007f/.][^\u0000-\u001f\u007f/]*$/.test(id) && id.length <= 200;
}

/** People whose id holds a word, in capital letters or small ones; 200 at most. */
export async function search(word: string): Promise<Subject[]> {
  const [wanted, found]: [string, Subject[]] = [word.toLowerCase(), []];
  let after: string | undefined;
  for (;;) {
    const { subjects } = await answered(api.GET('/v1/subjects', { params: { query: { limit: PAGE, after } } }));
    found.push(...subjects.filter((one) => one.id.toLowerCase().includes(wanted)));
    if (subjects.length < PAGE || found.length >= MOST) return found.slice(0, MOST);
    after = subjects.at(-1)?.id;
  }
}
