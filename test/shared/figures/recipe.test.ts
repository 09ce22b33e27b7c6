import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { applyToRuns, sourcesOf } from '../../../src/shared/figures/apply.ts';
import { figureNames, figureTable } from '../../../src/shared/figures/catalogue.ts';
import { buildFigure, expandRecipe, type FigureRecipe } from '../../../src/shared/figures/recipe.ts';
import { parseSpec } from '../../../src/shared/figures/types.ts';
import { extremes, figures } from './catalogue.ts';
import { dataOf, recipeOf } from './data-of.ts';

describe('recipes', () => {
  test.each(figureNames)('%s is drawn from the data it needs, and from no other', (name) => {
    const { needs } = figureTable[name];
    const spec = buildFigure(recipeOf(name), dataOf(needs));
    expect(spec.panels.length).toBeGreaterThan(0);
    const other = figureNames.map((other) => dataOf(figureTable[other].needs)).find(({ kind }) => kind !== needs);
    expect(() => buildFigure(recipeOf(name), other ?? [])).toThrow(/draws data of the kind/);
  });

  test('options reach the figure', () => {
    const spec = buildFigure(
      recipeOf('C_H', { options: { preset: 'nature-1', palette: 'ink', x: { min: 1e-6, label: 'curvature' } } }),
      dataOf('measurement'),
    );
    expect(spec.width_mm).toBe(89);
    expect(spec.style.palette).toBe('ink');
    expect(spec.panels[0].x).toMatchObject({ min: 1e-6, label: 'curvature' });
  });

  test('every figure that is declared stands in the catalogue', async () => {
    const folder = new URL('../../../src/shared/figures/figures/', import.meta.url);
    const modules = await Promise.all(
      readdirSync(folder).map((file) => import(new URL(file, folder).href) as Promise<Record<string, unknown>>),
    );
    const declared = modules
      .flatMap((exports) => Object.values(exports))
      .filter((each) => typeof each === 'object' && each !== null && 'draw' in each && 'needs' in each);
    expect(new Set(declared)).toEqual(new Set(Object.values(figureTable)));
    expect(declared).toHaveLength(figureNames.length);
  });

  test('a value that another figure takes for an option of the same name is refused with the values of this one', () => {
    const curves = recipeOf('curves', { options: { scale: 'symlog' } });
    expect(() => buildFigure(curves, dataOf('curves'))).toThrow(
      'options of the figure "curves".scale: expected "linear" or "log", received "symlog"',
    );
    expect(() => recipeOf('curves', { options: { scale: 'cubic' } })).toThrow(/scale: expected .*"cubic"/);
    // Options of other figures stay in a recipe, unused.
    expect(buildFigure(recipeOf('curves', { options: { matrix: 'Q' } }), dataOf('curves')).panels).toHaveLength(1);
  });

  test('panels take one set of data each', () => {
    const panels = recipeOf('panels', {
      sources: [],
      panels: [recipeOf('C_H'), recipeOf('C_Q')],
      options: { columns: 2 },
    });
    expect(buildFigure(panels, [dataOf('measurement'), dataOf('measurement')]).columns).toBe(2);
    expect(() => buildFigure(panels, [dataOf('measurement')])).toThrow(/2 panels and got data for 1/);
  });
});

describe('applying recipes to other runs', () => {
  const sources = (run: string): object => ({ sources: [{ run, parameter: 'fc2.kernel', step: 7 }] });
  const grid = (...runs: string[]): FigureRecipe =>
    recipeOf('panels', { sources: [], panels: runs.map((run) => recipeOf('C_H', sources(run))) });

  test('a figure of one run is drawn once a run; its layer stays, its step does not', () => {
    expect(applyToRuns(recipeOf('C_H', sources('r1')), ['a', 'b']).map((each) => each.sources)).toEqual([
      [{ run: 'a', parameter: 'fc2.kernel' }],
      [{ run: 'b', parameter: 'fc2.kernel' }],
    ]);
  });

  test('a figure of many runs takes all of them', () => {
    const [only, ...others] = applyToRuns(recipeOf('gamma_layers'), ['a', 'b', 'c']);
    expect(others).toEqual([]);
    expect(only.sources).toEqual([{ run: 'a' }, { run: 'b' }, { run: 'c' }]);
  });

  test('panels of one run follow it; panels of several take as many, in order', () => {
    const [first, second] = applyToRuns(grid('r1', 'r1'), ['a', 'b']);
    expect(sourcesOf(first).map(({ run }) => run)).toEqual(['a', 'a']);
    expect(sourcesOf(second).map(({ run }) => run)).toEqual(['b', 'b']);
    expect(sourcesOf(applyToRuns(grid('r1', 'r2'), ['a', 'b'])[0]).map(({ run }) => run)).toEqual(['a', 'b']);
    expect(() => applyToRuns(grid('r1', 'r2'), ['a'])).toThrow(/is of 2 runs: give 2, not 1/);
  });
});

describe('several sources of a figure that takes one', () => {
  test('become panels: the page keeps its options, each panel the others', () => {
    const expanded = expandRecipe(
      recipeOf('C_H', {
        sources: [{ run: 'a' }, { run: 'b' }],
        options: { preset: 'prl-2', cutoff: 1e-3, shareY: true, legend: 'below', title: 'T' },
      }),
    );
    expect(expanded.options).toEqual({ preset: 'prl-2', shareY: true, legend: 'below' });
    expect(expanded.panels?.map(({ sources, options }) => [sources, options])).toEqual([
      [[{ run: 'a' }], { preset: 'prl-2', cutoff: 1e-3, title: 'T' }],
      [[{ run: 'b' }], { preset: 'prl-2', cutoff: 1e-3, title: 'T' }],
    ]);
    const many = recipeOf('gamma_layers', { sources: [{ run: 'a' }, { run: 'b' }] });
    expect(expandRecipe(many)).toBe(many);
  });
});

describe('specifications', () => {
  test.each(Object.entries({ ...figures, ...extremes }))('%s survives being stored as JSON', (_, make) => {
    const spec = make();
    expect(parseSpec(JSON.parse(JSON.stringify(spec)))).toEqual(spec);
  });

  test('what does not belong is refused by its place', () => {
    const spec = JSON.parse(JSON.stringify(figures['C against Q']())) as { panels: { marks: { kind: string }[] }[] };
    spec.panels[0].marks[0].kind = 'script';
    expect(() => parseSpec(spec)).toThrow(/panels\[0\]\.marks\[0\]/);
  });
});
