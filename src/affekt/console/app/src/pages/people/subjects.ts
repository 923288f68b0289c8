/** People on record, as the server tells of them. */
import type { components } from '../../api/schema';

type Schemas = components['schemas'];
export type Whole = Schemas['WholeSubject'];
export type Consent = Whole['consents'][number];
export type Receipt = Schemas['Receipt'];
export type Subject = Schemas['Subjects']['subjects'][number];

/** Whether an id may stand in addresses, which is what the server takes. */
export function isId(id: string): boolean {
  return /^[^\u0000-\u001f\u007f/.][^\u0000-\u001f\u007f/]*$/.test(id) && id.length <= 200;
}
