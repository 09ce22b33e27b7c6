/** Every figure beside every other, at every venue, as it is drawn at first: nothing overlaps, leaves the page or covers data, and every axis can be read. */
import { describe, expect, test } from 'vitest';
import { loadFonts } from '../../../src/main/figures/fonts.ts';
import { composePanels } from '../../../src/shared/figures/figures/panels.ts';
import { layoutFigure } from '../../../src/shared/figures/layout/layout.ts';
import { presets, type PresetName } from '../../../src/shared/figures/presets.ts';
import type { FigureSpec } from '../../../src/shared/figures/types.ts';
import type { Scene, SceneNode } from '../../../src/shared/figures/layout/scene.ts';
import type { FigureName } from '../../../src/shared/figures/catalogue.ts';
import { pairFigures } from './pairs.ts';

const fonts = loadFonts({ system: false });
const names = Object.keys(pairFigures) as FigureName[];
const pairs = names.flatMap((a, i) => names.slice(i).map((b) => [a, b] as const));

interface Plate {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

function flat(nodes: readonly SceneNode[]): SceneNode[] {
  return nodes.flatMap((node) => ('children' in node ? [node, ...flat(node.children)] : [node]));
}

/** White plates behind words. */
function platesOf(nodes: readonly SceneNode[]): Plate[] {
  return nodes.flatMap((node) => {
    if (node.kind !== 'path' || node.fill?.colour !== '#FFFFFF' || node.fill.opacity === undefined) return [];
    // A rectangle: M x y L x y L x y L x y Z.
    const xs = [1, 4, 7, 10].map((k) => node.path[k]);
    const ys = [2, 5, 8, 11].map((k) => node.path[k]);
    return [{ left: Math.min(...xs), right: Math.max(...xs), top: Math.min(...ys), bottom: Math.max(...ys) }];
  });
}

function coveredPoints(scene: Scene): number {
  const nodes = flat(scene.nodes);
  const plates = platesOf(nodes);
  let covered = 0;
  for (const node of nodes) {
    if (node.kind !== 'markers' || node.at.length <= 2) continue;
    for (let k = 0; k < node.at.length; k += 2)
      if (
        plates.some(
          ({ left, right, top, bottom }) =>
            node.at[k] > left && node.at[k] < right && node.at[k + 1] > top && node.at[k + 1] < bottom,
        )
      )
        covered++;
  }
  return covered;
}

describe.each(Object.keys(presets) as PresetName[])('at %s', (preset) => {
  // Each figure is made once for all that it stands beside: making them takes longer than laying them out.
  const made = new Map<string, FigureSpec>();
  const figure = (name: FigureName, seed: number): FigureSpec => {
    const spec = made.get(`${name} ${seed}`) ?? pairFigures[name](preset, seed);
    made.set(`${name} ${seed}`, spec);
    return spec;
  };
  test.each(pairs)('%s beside %s', (a, b) => {
    const spec = composePanels([figure(a, 1), figure(b, 2)], { preset });
    const scene = layoutFigure(spec, fonts);
    expect(scene.warnings).toEqual([]);
    expect(coveredPoints(scene)).toBe(0);
    // No axis with numbers can be read from fewer than two.
    for (const { x, y } of scene.panels)
      for (const axis of [x, y])
        if (axis.numbers) expect(axis.ticks.filter(({ label }) => label).length).toBeGreaterThan(1);
    expect(scene.height_mm).toBeLessThanOrEqual(presets[preset].maxHeight_mm);
  });
});
