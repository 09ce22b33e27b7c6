/** The matplotlib scripts, run by Debian's Python: no warning, the same size, and the numbers of the CSV in the drawing. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { exportFigure, writeExport } from '../../../src/main/figures/export.ts';
import { loadFonts } from '../../../src/main/figures/fonts.ts';
import { extremes, figures } from '../../shared/figures/catalogue.ts';
import { describeWhere } from '../../support/skips.ts';

const fonts = loadFonts({ system: false });
const folder = mkdtempSync(join(tmpdir(), 'covature-figure-scripts-'));
afterAll(() => rmSync(folder, { recursive: true }));
const fileName = (name: string): string => name.replace(/[^A-Za-z0-9]+/g, '-');
const all = { ...figures, ...extremes };
const python = '/usr/bin/python3';

function run(...args: string[]): string {
  return execFileSync(python, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 26 });
}

const available = ((): true | string => {
  try {
    run('-c', 'import matplotlib');
    return true;
  } catch {
    return 'python3-matplotlib is not installed';
  }
})();

/** Runs every script with warnings as errors; prints what its axes hold and what its CSV says, as counts and sums. */
const driver = `import csv, json, runpy, sys, warnings
warnings.simplefilter('error')
out = {}
for path in sys.argv[1:]:
    sys.argv = [path, path[:-3] + '-drawn.pdf']
    names = runpy.run_path(path)
    drawn = []
    for ax in names['fig'].axes:
        for line in ax.lines:
            x, y = line.get_xdata(), line.get_ydata()
            drawn.append([len(x), float(sum(x)), float(sum(y))])
        for image in ax.images:
            values = image.get_array()
            drawn.append([values.size, float(values.sum()), 0.0])
    series = {}
    with open(path[:-3] + '.csv', newline='', encoding='utf-8') as file:
        for row in csv.DictReader(file):
            key = (row['panel'], row['series'])
            if row['mark'] in ('points', 'line', 'slope'):
                series.setdefault(key, []).append((float(row['x']), float(row['y'])))
            if row['mark'] == 'heatmap':
                series.setdefault(key, []).append((float(row['value']), 0.0))
    out[path] = {
        'drawn': drawn,
        'csv': [[len(v), sum(x for x, _ in v), sum(y for _, y in v)] for v in series.values()],
        'size': [float(v) * 25.4 for v in names['fig'].get_size_inches()],
    }
    names['plt'].close('all')
print(json.dumps(out))
`;

describeWhere(available, 'matplotlib scripts', () => {
  test('run without a warning and draw the numbers of the CSV', async () => {
    const names = [
      ...Object.keys(figures),
      'mathematics',
      'a very long label',
      'no positive point',
      'limits that leave points out',
    ];
    for (const name of names)
      await writeExport(await exportFigure({ spec: all[name]() }, fileName(name), ['py'], fonts), folder);
    writeFileSync(join(folder, 'driver.py'), driver);
    const paths = names.map((name) => join(folder, `${fileName(name)}.py`));
    const results = JSON.parse(run(join(folder, 'driver.py'), ...paths)) as Record<
      string,
      { drawn: number[][]; csv: number[][]; size: number[] }
    >;
    for (const [k, name] of names.entries()) {
      const { drawn, csv, size } = results[paths[k]];
      const { width_mm, height_mm } = await exportFigure({ spec: all[name]() }, 'x', [], fonts);
      expect(size[0]).toBeCloseTo(width_mm, 1);
      expect(size[1]).toBeCloseTo(height_mm, 1);
      const close = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b));
      for (const [n, x, y] of csv)
        expect(
          drawn.some((line) => line[0] === n && close(line[1], x) && close(line[2], y)),
          `${name}: a series of ${n}`,
        ).toBe(true);
      expect(existsSync(paths[k].replace(/\.py$/, '-drawn.pdf'))).toBe(true);
    }
  });
});
