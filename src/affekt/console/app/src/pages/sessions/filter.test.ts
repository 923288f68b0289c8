import { describe, expect, it } from 'vitest';
import { askedOf, changed, filterOf, narrows } from './filter';

describe('a filter', () => {
  it('is what the address says', () => {
    const filter = filterOf({ name: 'call', modality: 'speech', origin: 'job', subject: 'zoë & co', since: '2026-05-03', view: 'days' });
    expect(filter).toEqual({ name: 'call', modality: 'speech', origin: 'job', subject: 'zoë & co', since: '2026-05-03' });
    expect(narrows(filter)).toBe(true);
  });

  it('leaves out what the server does not know', () => {
    expect(filterOf({ modality: 'smell', origin: 'mail', since: '2026-02-30', until: 'yesterday', name: '' })).toEqual({});
    expect(narrows({})).toBe(false);
  });

  it('changes in several places at once', () => {
    expect(changed({ name: 'a', since: '2026-05-03' }, { name: 'call ', since: ' ', modality: 'speech' })).toEqual({ name: 'call ', modality: 'speech' });
  });

  it('asks for whole days of the clock here', () => {
    const asked = askedOf({ since: '2026-05-03', until: '2026-05-03', name: ' a' });
    expect(new Date(asked.since!).getHours()).toBe(0);
    const until = new Date(asked.until!);
    expect([until.getDate(), until.getHours(), until.getMinutes()]).toEqual([4, 0, 0]);
    expect(asked.name).toBe('a');
  });
});
