/** Figures drawn from what their file carries: the same as of the results, and changed in looks as of the results too. */
import { describe, expect, test } from 'vitest';
import { figureNames, figureTable } from '../../../src/shared/figures/catalogue.ts';
import { buildFigure, expandRecipe, parseRecipe, type FigureRecipe } from '../../../src/shared/figures/recipe.ts';
import { drawCarried, withCarried } from '../../../src/shared/figures/carried.ts';
import { heaviestDocument, packForFile, unpackDocument } from '../../../src/shared/figures/metadata.ts';
import type { FigureSpec } from '../../../src/shared/figures/types.ts';
import { dataOf, recipeOf } from './data-of.ts';

const draw = (recipe: FigureRecipe): FigureSpec => {
  const expanded = expandRecipe(recipe);
  const data = (expanded.panels ?? [expanded]).map(({ figure }) =>
    dataOf(figure === 'panels' ? 'measurement' : figureTable[figure].needs),
  );
  return buildFigure(expanded, expanded.figure === 'panels' ? data : data[0]);
};
/** As it comes out of a file, with other options. */
const reopened = (recipe: FigureRecipe, options: object = recipe.options, panels = recipe.panels): FigureRecipe =>
  parseRecipe({
    ...withCarried({ spec: draw(recipe), recipe }),
    options,
    ...(panels === undefined ? {} : { panels }),
  });
/** As JSON leaves it. */
const plain = (spec: FigureSpec): unknown => JSON.parse(JSON.stringify(spec));

const options = { preset: 'nature-1', legend: 'below', annotations: [{ text: 'a', x: 0.5, y: 0.5, in: 'frame' }] };
const looks = {
  preset: 'prl-1',
  palette: 'ink',
  height_mm: 80,
  sizes: { tick: 7 },
  annotations: [{ text: 'b', x: 0.2, y: 0.5, in: 'frame' }],
};

describe('a figure that its file carries', () => {
  test.each(figureNames)('%s is drawn as of its results, and changed in looks as of them', (name) => {
    const recipe = recipeOf(name, { options });
    expect(plain(drawCarried(reopened(recipe)))).toEqual(plain(draw(recipe)));
    expect(plain(drawCarried(reopened(recipe, looks)))).toEqual(plain(draw({ ...recipe, ...parseRecipe({ ...recipe, options: looks }) }))); // prettier-ignore
  });

  test('axes take other labels and limits, and limits that are taken back are those of the data', () => {
    const recipe = recipeOf('C_H', { options: { x: { min: 1e-5, label: 'curvature' } } });
    const changed = { x: { label: 'sharpness', max: 10 }, y: { label: 'noise' }, title: 'fc2' };
    expect(plain(drawCarried(reopened(recipe, changed)))).toEqual(plain(draw(parseRecipe({ ...recipe, options: changed })))); // prettier-ignore
  });

  test('panels keep their grid, and take another', () => {
    const panel = recipeOf('C_H', { options: { preset: 'jmlr' } });
    const recipe = recipeOf('panels', { sources: [], panels: [panel, recipeOf('C_Q'), recipeOf('spectra')] });
    expect(plain(drawCarried(reopened(recipe)))).toEqual(plain(draw(recipe)));
    const wide = { columns: 3, preset: 'nature-2', letters: false };
    expect(plain(drawCarried(reopened(recipe, wide)))).toEqual(plain(draw(parseRecipe({ ...recipe, options: wide }))));
    const labelled = [{ ...panel, options: { ...panel.options, y: { label: 'noise' } } }, ...recipe.panels!.slice(1)];
    expect(plain(drawCarried(reopened(recipe, {}, labelled)))).toEqual(plain(draw({ ...recipe, panels: labelled })));
  });

  test('notes keep the letters of their panels, beyond the 26th too', () => {
    const noted = recipeOf('gamma_cutoff');
    const panels = Array.from({ length: 28 }, (_, k) => (k === 27 ? noted : recipeOf('curves')));
    const recipe = recipeOf('panels', { sources: [], panels });
    expect(draw(recipe).notes.join()).toContain('(ab): ');
    const bold = { preset: 'nature-2' };
    expect(plain(drawCarried(reopened(recipe, bold)))).toEqual(plain(draw(parseRecipe({ ...recipe, options: bold }))));
  });

  test('several layers of one figure are panels too', () => {
    const recipe = recipeOf('C_H', { sources: [{ run: 'r1', parameter: 'a' }, { run: 'r1', parameter: 'b' }] }); // prettier-ignore
    expect(plain(drawCarried(reopened(recipe)))).toEqual(plain(draw(recipe)));
  });

  test('what it shows cannot be changed, and the error says what was', () => {
    const recipe = recipeOf('C_H');
    const changed = reopened(recipe, { cutoff: 1e-3, estimand: 'cross_fitted', preset: 'jmlr' });
    expect(() => drawCarried(changed)).toThrow(/not what it shows \(estimand, cutoff\)/);
    expect(() => drawCarried({ ...changed, options: {}, figure: 'C_Q' })).toThrow(/\(figure\)/);
    expect(() => drawCarried({ ...changed, options: {}, sources: [{ run: 'r2' }] })).toThrow(/\(runs\)/);
    expect(() => drawCarried({ ...changed, options: {}, panels: [recipe] })).toThrow(/\(number of panels\)/);
    expect(() => drawCarried({ ...recipe, carried: 'bm8=' })).toThrow(/damaged/);
    expect(() => parseRecipe({ ...recipe, carried: 'no base64!' })).toThrow(/expected base64/);
  });

  test('numbers too heavy for a file are rounded and say so, and left out beyond that', () => {
    const recipe = recipeOf('C_H');
    const spec = draw(recipe);
    const mark = spec.panels[0].marks.find(({ kind }) => kind === 'points')!;
    const heavy = (count: number): FigureSpec => {
      // A multiplicative generator: digits that do not compress.
      let state = 1;
      const next = (): number => (state = (state * 48271) % 2147483647) / 2147483647 / 3;
      const x = Array.from({ length: count }, next);
      return { ...spec, panels: [{ ...spec.panels[0], marks: [{ ...mark, x, y: x } as typeof mark] }] };
    };
    const exact = heavy(10_000);
    expect(unpackDocument(packForFile({ spec: exact, recipe })).spec).toEqual(exact);
    const bytes = packForFile({ spec: heavy(50_000), recipe });
    expect(bytes.length).toBeLessThan(heaviestDocument);
    const rounded = unpackDocument(bytes).spec!;
    expect(rounded.provenance.fit['numbers']).toMatch(/rounded to 5 digits/);
    const [first] = rounded.panels[0].marks;
    const value = heavy(1).panels[0].marks[0] as { readonly x: readonly number[] };
    expect((first as { readonly x: readonly number[] }).x[0] / value.x[0]).toBeCloseTo(1, 4);
    expect(unpackDocument(packForFile({ spec: heavy(90_000), recipe })).spec).toBeUndefined();
  });
});
