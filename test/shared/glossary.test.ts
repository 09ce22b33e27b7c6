/** The glossary: every entry is understood by what draws labels, in the window, in reports and on paper. */
import { expect, test } from 'vitest';
import { labelMarkup, labelWords } from '../../src/shared/figures/text/mathml.ts';
import { definitionOf, glossary, type TermName } from '../../src/shared/glossary.ts';

const names = Object.keys(glossary) as TermName[];

test.each(names)('%s has a title, a sign and a text of which every formula is understood', (name) => {
  const [sign, definition] = definitionOf(name);
  for (const label of [sign, definition]) {
    expect(labelMarkup(label)).not.toMatch(/\$|\\/);
    expect(labelWords(label)).not.toMatch(/\$|\\|undefined/);
  }
});

test('no two entries have one title', () => {
  expect(new Set(names.map((name) => glossary[name].title)).size).toBe(names.length);
});
