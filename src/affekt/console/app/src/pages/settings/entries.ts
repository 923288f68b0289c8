/** The audit log of the server. */
import { answered, api } from '../../api/client';
import type { Ask, Walked } from './log';

export const entries: Ask = async (after, limit, action) => (
  (await answered(api.GET('/v1/audit', { params: { query: { after, limit, action } } }))).entries
);

/** What walking the chain of hashes finds. Args: holds, a hash that was kept elsewhere. */
export async function walk(holds?: string): Promise<Walked> {
  return answered(api.GET('/v1/audit/verify', { params: { query: { holds } } }));
}
