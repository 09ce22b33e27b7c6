/** Legends outside the frames: entries in columns, groups behind the letters of their panels, nothing said twice. */
import { describe, expect, test } from 'vitest';
import { loadFonts } from '../../../../src/main/figures/fonts.ts';
import { composePanels } from '../../../../src/shared/figures/figures/panels.ts';
import { layoutFigure } from '../../../../src/shared/figures/layout/layout.ts';
import { groupBlock, legendBlock, legendEntries } from '../../../../src/shared/figures/layout/legend.ts';
import { styleOf } from '../../../../src/shared/figures/presets.ts';
import type { Scene } from '../../../../src/shared/figures/layout/scene.ts';
import type { Panel } from '../../../../src/shared/figures/types.ts';
import { pairFigures } from '../pairs.ts';

const fonts = loadFonts({ system: false });
const style = styleOf('prl-1');

function entriesOf(labels: readonly string[]) {
  const panel: Panel = {
    row: 0,
    column: 0,
    x: { scale: 'linear', label: '' },
    y: { scale: 'linear', label: '' },
    marks: labels.map((label, colour) => ({ kind: 'line', name: label, x: [], y: [], colour, label })),
  };
  return legendEntries([panel]);
}

/** Left ends of the texts of a block, by row. */
function rowsOf(texts: readonly { x: number; y: number; box: { text: string } }[]): { text: string; x: number }[][] {
  const rows = [...new Set(texts.map(({ y }) => y.toFixed(3)))];
  return rows.map((row) =>
    texts.filter(({ y }) => y.toFixed(3) === row).map(({ x, box }) => ({ text: box.text, x: Number(x.toFixed(3)) })),
  );
}

const words = (scene: Scene): { text: string; x: number; y: number }[] =>
  scene.nodes.flatMap((node) =>
    node.kind === 'group' && node.name === 'text'
      ? node.children.flatMap((child) => (child.kind === 'text' ? [{ text: child.box.text, x: child.x, y: child.y }] : [])) // prettier-ignore
      : [],
  );

describe('columns', () => {
  test('stand under each other, and no last row is nearly empty', () => {
    const labels = ['n = 71 directions', 'below the cutoff', 'fit', 'slope 1', 'slope 2', 'cutoff'];
    const rows = rowsOf(legendBlock(entriesOf(labels), fonts, style, 300, true).place(0, 0).texts);
    expect(rows.map((row) => row.length)).toEqual([3, 3]);
    expect(rows[1].map(({ x }) => x)).toEqual(rows[0].map(({ x }) => x));
    const four = rowsOf(legendBlock(entriesOf(labels.slice(0, 4)), fonts, style, 250, true).place(0, 0).texts);
    expect(four.map((row) => row.length)).toEqual([2, 2]);
  });

  test('are the same in all groups, unless a group with long entries asks for fewer rows alone', () => {
    const group = (letter: string, labels: readonly string[]) => ({
      letter,
      entries: entriesOf(labels),
      statements: [],
    });
    const alike = [group('(a)', ['one', 'two', 'three']), group('(b)', ['a longer one', 'four', 'five'])];
    const [a, b] = rowsOf(groupBlock(alike, fonts, style, 300).place(0, 0).texts);
    expect(a.map(({ text }) => text)).toEqual(['(a)', 'one', 'two', 'three']);
    expect(b.map(({ x }) => x)).toEqual(a.map(({ x }) => x));
    const long = 'learning rate 0.05, batch 50 (3 seeds)';
    const unlike = [group('(a)', ['one', 'two', 'three']), group('(b)', [long, `${long}.`])];
    expect(rowsOf(groupBlock(unlike, fonts, style, 250).place(0, 0).texts).map((row) => row.length)).toEqual([4, 2, 1]);
  });
});

test('the legend of the only panel that has one stands behind its letter, with its numbers in it', () => {
  const spec = composePanels([pairFigures.heatmap('prl-1', 1), pairFigures.flatness('prl-1', 2)], { preset: 'prl-1' });
  const texts = words(layoutFigure(spec, fonts)).map(({ text }) => text);
  expect(texts.filter((text) => text.startsWith('epoch shuffling'))).toEqual(['epoch shuffling, slope 2.15 ± 0.29']);
  const at = texts.indexOf('epoch shuffling, slope 2.15 ± 0.29');
  expect(texts[at - 1]).toBe('(b)');
});

test('where the numbers of one of two panels have no room in its frame, both have a legend and no name stands twice in it', () => {
  const spec = composePanels([pairFigures.flatness('prl-1', 1), pairFigures.flatness('prl-1', 2)], { preset: 'prl-1' });
  const texts = words(layoutFigure(spec, fonts)).map(({ text }) => text);
  expect(texts.filter((text) => text.startsWith('epoch shuffling'))).toHaveLength(2);
  expect(texts.filter((text) => text === '(a)')).toHaveLength(2);
});

test('in one column a figure over one axis keeps it: numbers and label under the lowest of its panels', () => {
  const evolution = pairFigures.evolution('prl-1', 1);
  const spec = composePanels([pairFigures.C_H('prl-1', 1), evolution], { preset: 'prl-1' });
  const scene = layoutFigure(spec, fonts);
  expect(scene.panels.map(({ x }) => x.numbers)).toEqual([true, false, false, false, true]);
  expect(new Set(scene.panels.slice(1).map(({ x }) => `${x.min} ${x.max}`)).size).toBe(1);
  expect(words(scene).filter(({ text }) => text === 'step')).toHaveLength(1);
  // Side by side each has its own.
  const wide = layoutFigure(composePanels([pairFigures.C_H('jmlr', 1), evolution], { preset: 'jmlr' }), fonts);
  expect(wide.panels.every(({ x }) => x.numbers)).toBe(true);
});

test('a matrix keeps square cells on a page that has no room for its height', () => {
  const figures = [pairFigures.heatmap('prl-1', 1), pairFigures.evolution('prl-1', 1), pairFigures.overlap('prl-1', 1)];
  const scene = layoutFigure(composePanels(figures, { preset: 'prl-1' }), fonts);
  expect(scene.height_mm).toBeLessThanOrEqual(240);
  expect(scene.warnings).toEqual([]);
  const frames = scene.panels.map(({ frame }) => frame);
  for (const k of [0, 5]) expect(frames[k].width).toBeCloseTo(frames[k].height, 6);
  expect(frames[1].width).toBeGreaterThan(1.2 * frames[0].width);
  // Nothing stands in another frame.
  for (const [k, { y, height }] of frames.entries())
    if (k + 1 < frames.length) expect(y + height).toBeLessThan(frames[k + 1].y);
});

test('a long name among short ones stays level where it has room beside its neighbours', () => {
  const spec = composePanels([pairFigures.heatmap('prl-1', 1), pairFigures.assumptions('prl-1', 2)], {
    preset: 'prl-1',
  });
  const names = words(layoutFigure(spec, fonts)).filter(({ text }) => text === 'H = G = F' || text === 'E');
  expect(names).toHaveLength(2);
  expect(names[0].y).toBeCloseTo(names[1].y, 1);
});

test('panels with the same entries have one group, behind the letters of both', () => {
  const evolution = (seed: number) => pairFigures.evolution('prl-2', seed);
  const spec = composePanels([evolution(1), evolution(2)], { preset: 'prl-2' });
  const texts = words(layoutFigure(spec, fonts)).map(({ text }) => text);
  expect(texts.filter((text) => text === '(a), (e)')).toHaveLength(1);
  expect(texts.filter((text) => text === 'cross-fitted')).toHaveLength(1);
});

describe('words in a frame', () => {
  /** White plates behind words. */
  const plates = (nodes: Scene['nodes']): number =>
    nodes.reduce(
      (count, node) =>
        count +
        ('children' in node
          ? plates(node.children)
          : Number(node.kind === 'path' && node.fill?.colour === '#FFFFFF' && node.fill.opacity !== undefined)),
      0,
    );

  test.each(['Q_H', 'duality'] as const)(
    'lie over no reference line: the numbers of two panels of %s go below',
    (name) => {
      const figures = [1, 2].map((seed) => pairFigures[name]('nature-1', seed));
      const scene = layoutFigure(composePanels(figures, { preset: 'nature-1' }), fonts);
      expect(plates(scene.nodes)).toBe(0);
      expect(scene.legend.place).toBe('below');
    },
  );
});
