/** What another version stored of a comparison: a part that is not valid falls back alone, and nothing invalid reaches the screen. */
import { expect, it } from 'vitest';
import { readerOf } from '../../../src/renderer/state/reader.ts';

/** The window's own types need a DOM, which tests of the main side do not have. */
const { compareView } = (await import(new URL('../../../src/renderer/compare/view.ts', import.meta.url).href)) as {
  readonly compareView: Parameters<typeof readerOf>[0];
};
const read = readerOf(compareView);
const first = read({});

it.each([
  ['chosen runs that are no list', { drawn: 3, series: 'accuracy' }, { series: 'accuracy' }],
  ['an estimand that there is not', { estimand: 'both', seeds: false }, { seeds: false }],
  ['a unit that there is not', { unit: 'days', span: 20 }, { span: 20 }],
  ['a quantity that there is not', { quantity: 'delta', drawn: ['a'] }, { drawn: ['a'] }],
  ['a field of another version', { zoom: 3 }, {}],
])('reads a view with %s', (_, stored, kept) => {
  expect(read(stored)).toEqual({ ...(first as object), ...kept });
});

it('reads nothing where no object was stored', () => {
  for (const stored of [null, 'view', 3]) expect(read(stored)).toBeUndefined();
});
