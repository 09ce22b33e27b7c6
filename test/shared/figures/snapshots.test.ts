/** Every figure of the program and every extreme case, laid out from seeded data: nothing overlaps or leaves the page, and nothing moves unseen. */
import { describe, expect, test } from 'vitest';
import { loadFonts } from '../../../src/main/figures/fonts.ts';
import { layoutFigure } from '../../../src/shared/figures/layout/layout.ts';
import { sceneToSvg } from '../../../src/shared/figures/svg.ts';
import { extremes, figures } from './catalogue.ts';
import { pairFigures } from './pairs.ts';
import { skeleton } from './skeleton.ts';

const fonts = loadFonts({ system: false });
const fileName = (name: string): string => name.replace(/[^A-Za-z0-9]+/g, '-');

test('there is a snapshot of every figure', () => {
  const kinds = new Set(Object.values(figures).map((make) => make().kind));
  for (const [name, make] of Object.entries(pairFigures)) expect(kinds, name).toContain(make('prl-1', 1).kind);
});

describe.each(Object.entries({ ...figures, ...extremes }))('%s', (name, make) => {
  const spec = make();
  const scene = layoutFigure(spec, fonts);

  test('is laid out as before, without a warning', async () => {
    expect(scene.warnings).toEqual([]);
    await expect(skeleton(scene)).toMatchFileSnapshot(`snapshots/${fileName(name)}.txt`);
  });

  test('is drawn within the page, the same each time', () => {
    const svg = sceneToSvg(scene, spec);
    expect(svg === sceneToSvg(layoutFigure(make(), fonts), spec)).toBe(true);
    const drawing = svg.replace(/base64,[^"]*/g, '');
    expect(/NaN|Infinity|undefined/.exec(drawing)?.[0]).toBeUndefined();
    // Self-contained: no address but those of namespaces and data.
    const outside = [...drawing.matchAll(/(?:href|src)="([^"#]*)/g)].filter(
      ([, address]) => address !== '' && !address.startsWith('data:'),
    );
    expect(outside).toEqual([]);
  });
});
