import { describe, expect, it } from 'vitest';
import { allOf, lastNumber, PAGE, pageUpTo, type Entry } from './log';

const entry = (number: number): Entry => ({ number, at: '', who: 'server', action: number % 3 ? 'key.made' : 'server.started', detail: {}, previous: '', hash: '' });
const server = (numbers: number[]) => async (after: number, limit: number, action?: string) =>
  numbers.filter((one) => one > after).map(entry).filter((one) => !action || one.action === action).slice(0, limit);
const upTo = (last: number) => Array.from({ length: last }, (_, at) => at + 1);

describe('the audit log', () => {
  it('is told the newest first, a page at a time', async () => {
    const from = server(upTo(120));
    const first = await pageUpTo(await lastNumber(120, from), from);
    expect([first.length, first[0]!.number, first.at(-1)!.number]).toEqual([PAGE, 120, 71]);
    const next = await pageUpTo(first.at(-1)!.number - 1, from);
    const last = await pageUpTo(next.at(-1)!.number - 1, from);
    expect(last.map((one) => one.number)).toEqual(upTo(20).reverse());
  });

  it('has entries after a broken one, too', async () => {
    expect(await lastNumber(7, server(upTo(2345)))).toBe(2345);
    expect(await lastNumber(0, server([]))).toBe(0);
  });

  it('does not end where entries were taken out', async () => {
    const page = await pageUpTo(200, server([...upTo(60), 199, 200]));
    expect(page.slice(0, 3).map((one) => one.number)).toEqual([200, 199, 60]);
    expect(page.length).toBeGreaterThanOrEqual(PAGE);
  });

  it('can be of one kind', async () => {
    const found = await allOf('server.started', server(upTo(4000)));
    expect([found.length, found[0]!.number, found.at(-1)!.number]).toEqual([1333, 3999, 3]);
  });
});
