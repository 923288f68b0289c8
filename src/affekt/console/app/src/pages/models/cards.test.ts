/** Whatever a shipped card says in sentences has a translation. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import chinese from '../../words/zh/cards';

const WEIGHTS = new URL('../../../../../weights/', import.meta.url);
const read = (path: string) => JSON.parse(readFileSync(new URL(path, WEIGHTS), 'utf8'));
const models = readdirSync(WEIGHTS).filter((name) => !name.includes('.') && readdirSync(new URL(name, WEIGHTS)).includes('measured.json'));

describe.each(models)('%s', (name) => {
  it('has its limits and what was measured in Chinese', () => {
    const { facts } = read(`${name}/card.json`) as { facts: { limits: string[] } };
    const { measured } = read(`${name}/measured.json`) as { measured: { data: string; split: string }[] };
    const said = [...facts.limits, ...measured.flatMap((one) => [one.data, one.split])];
    expect(said.filter((sentence) => !(sentence in chinese))).toEqual([]);
  });
});
