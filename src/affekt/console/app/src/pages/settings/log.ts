/** The audit log of the server. */
import { answered, api } from '../../api/client';
import type { components } from '../../api/schema';

type Schemas = components['schemas'];
export type Entry = Schemas['Entry'];
export type Walked = Schemas['Walked'];

const ABOVE_ALL = 2 ** 31 - 1; // the greatest number that the server takes
export const ACTIONS = [
  'server.started', 'key.made', 'key.revoked', 'policy.refused', 'reason.used', 'consent.missing', 'consent.given', 'consent.withdrawn',
  'subject.exported', 'subject.erased', 'session.deleted', 'retention.swept',
] as const;

/** Entries, the newest first. Args: before: the number below which they are; action: only these. */
export async function entries({ before = ABOVE_ALL, limit, action }: { before?: number; limit: number; action?: string }): Promise<Entry[]> {
  return (await answered(api.GET('/v1/audit', { params: { query: { before, limit, ...(action ? { action } : {}) } } }))).entries;
}

/** What walking the chain of hashes finds. Args: holds, a hash that was kept elsewhere. */
export async function walk(holds?: string): Promise<Walked> {
  return answered(api.GET('/v1/audit/verify', { params: { query: { holds } } }));
}
