import { expect, test, vi } from 'vitest';

vi.stubGlobal('location', { hash: '' });
const { read } = await import('./route.svelte');

test('an address is a page, an id and a query', () => {
  expect(read('#/sessions/a%2Fb?since=2026-01-02')).toEqual({ page: 'sessions', id: 'a/b', query: { since: '2026-01-02' } });
  expect(read('')).toEqual({ page: 'live', id: null, query: {} });
  expect(read('#/elsewhere').page).toBeNull();
});

test('an address that was typed wrongly is no fault', () => {
  expect(read('#/people/50%').id).toBe('50%');
});
