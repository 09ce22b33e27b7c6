/** Labels as markup and as words. Each markup is well-formed: every element that opens closes, in order. */
import { expect, test } from 'vitest';
import { labelMarkup, labelWords } from '../../../../src/shared/figures/text/mathml.ts';

const rows: Readonly<Record<string, readonly [label: string, text: string, words: string]>> = {
  'text alone': ['a < b & "c"', 'a < b & "c"', 'a < b & "c"'],
  'a dollar sign': ['costs \\$5', 'costs $5', 'costs $5'],
  scripts: ['noise $C_{ii}$, $x_i^2$', 'noise Cii, xi2', 'noise C_ii, x_i^2'],
  'operators and relations': ['$0.95 \\le \\gamma - 1$', '0.95 ≤ γ − 1', '0.95 ≤ γ − 1'],
  'a sign': ['$10^{-4} = -x$', '10−4 = −x', '10^−4 = −x'],
  'a function': ['$\\log H$', 'log H', 'log H'],
  'a fraction': ['$\\frac{1}{P}$', '1P', '1/P'],
  'a root': ['$\\sqrt{x}$', 'x', '√(x)'],
  'an accent and a bar': ['$\\hat{x} + \\overline{w}$', 'x̂ + w¯', 'x + w'],
  'words inside a formula': ['$i \\text{ from half } A$', 'i from half A', 'i from half A'],
  'delimiters that grow': ['$\\left( x \\right)$', '(x)', '(x)'],
  'a matrix': ['$\\begin{pmatrix} a & b \\\\ c & d \\end{pmatrix}$', '(abcd)', '(a, b; c, d)'],
};

test.each(Object.entries(rows))('%s', (_name, [label, text, words]) => {
  const markup = labelMarkup(label);
  const open: string[] = [];
  for (const [, closes, name] of markup.matchAll(/<(\/?)([a-z]+)[^>]*>/g)) {
    if (closes === '') open.push(name);
    else expect(open.pop()).toBe(name);
  }
  expect(open).toEqual([]);
  const entities: Readonly<Record<string, string>> = { '&lt;': '<', '&gt;': '>', '&quot;': '"', '&amp;': '&' };
  expect(markup.replace(/<[^>]*>/g, '').replace(/&\w+;/g, (entity) => entities[entity])).toBe(text);
  expect(labelWords(label)).toBe(words);
});

test('digits are one number, letters are italic unless they are set upright', () => {
  expect(labelMarkup('$1.05 x \\mathrm{d}$')).toBe(
    '<span role="math" aria-label="1.05xd"><math aria-hidden="true"><mrow><mn>1.05</mn><mi mathvariant="normal" class="italic">x</mi><mi mathvariant="normal">d</mi></mrow></math></span>',
  );
});

test('the name of a function stands alone as an index, and a space keeps it from what follows but a bracket', () => {
  const space = '<mspace width="0.17em"></mspace>';
  const name = (text: string): string => `<mi mathvariant="normal">${text} </mi>`;
  expect(labelMarkup('$\\lambda_{\\max}$')).toContain(`λ</mi>${name('max')}</msub>`);
  expect(labelMarkup('$\\operatorname{tr}(H)$')).toContain(`${name('tr')}<mo stretchy="false">(`);
  expect(labelMarkup('$\\log H$')).toContain(`${name('log')}${space}<mi`);
  expect(labelMarkup('$\\max_p x$')).toMatch(/<mi mathvariant="normal" class="italic">p<\/mi><\/m\w+><mspace/);
});

test('a formula that is not understood is refused, with the command and its place', () => {
  expect(() => labelMarkup('slope $\\gama$')).toThrow(/\\gama .*character 1/);
});
