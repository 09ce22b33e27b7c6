/** The calibrated exponent on samples of known exponents: closer than the cross-fitted one, and right where leakage bends that. */
import { expect, test } from 'vitest';
import { calibrate, extrapolate } from '../../../src/engine/statistics/calibration.ts';
import { crossFitSamples, drawSamples } from '../../../src/main/validate/samples.ts';
import type { Population } from '../../../src/main/validate/samples.ts';
import { openWasmBlas } from '../../../src/engine/blas/wasm.ts';
import { loadKernels } from '../../../src/main/blas-module.ts';
import { Random } from '../../../src/shared/random.ts';
import type { CutoffRow } from '../../../src/shared/slopes.ts';
import { engines } from '../../support/engines.ts';
import { describeWhere } from '../../support/skips.ts';

const cases: readonly (Population & { readonly found?: number })[] = [
  { gamma: 1, dimensions: 80, decades: 4, samples: 800, tail: 0 },
  { gamma: 1.5, dimensions: 80, decades: 4, samples: 800, tail: 0.8 },
  { gamma: 2, dimensions: 80, decades: 4, samples: 1600, tail: 0 },
  { gamma: 2, dimensions: 80, decades: 4, samples: 1600, tail: 0.8 },
  { gamma: 2, dimensions: 80, decades: 4, samples: 1600, tail: 0, found: 25 },
];

for (const engine of engines)
  describeWhere(engine.available, `calibrated exponent, ${engine.title}`, () => {
    test.each(cases)(
      'gamma $gamma from $samples samples, tail $tail, found $found',
      async ({ found: leading, ...population }) => {
        const blas = await engine.open();
        const replicates = 8;
        const found = Array.from({ length: replicates }, (_, r) => {
          const drawn = drawSamples(blas, population, new Random(11, `calibration test ${r}`));
          const { halves, rows, traceH } = crossFitSamples(drawn, 0, population.samples, {
            cutoffs: [1e-2],
            resamples: 200,
            seed: r,
            ...(leading !== undefined && { found: leading }),
          });
          const { dimensions } = population;
          const input = { halves, rows, traceH, dimensions, samples: population.samples / 2, seed: r };
          const summary = calibrate(blas, input)!;
          expect(calibrate(blas, input)).toEqual(summary);
          const [row] = summary.rows;
          return { measured: row.measured.value, calibrated: row.simulated!.value, interval: row.simulated!.interval };
        });
        const mean = (of: (each: (typeof found)[number]) => number): number =>
          found.reduce((sum, each) => sum + of(each), 0) / replicates;
        const [before, after] = [mean((each) => each.measured), mean((each) => each.calibrated)];
        expect(Math.abs(after - population.gamma)).toBeLessThan(0.03);
        if (population.gamma === 2) expect(before).toBeLessThan(1.96);
        expect(
          found.filter(({ interval: [low, high] }) => low <= population.gamma && population.gamma <= high).length,
        ).toBeGreaterThanOrEqual(replicates - 2);
      },
    );
  });

test('slopes on a line in 1/P are extrapolated to its intercept, whatever their weights', () => {
  const measured = { value: 1.4 + 80 / 800, interval: [1.45, 1.55] as const };
  const slopes = [800, 400, 200, 100].map((samples, k) => ({ samples, slope: 1.4 + 80 / samples, subsamples: 2 ** k }));
  const found = extrapolate(slopes, measured)!;
  expect(found.value).toBeCloseTo(1.4, 12);
  expect(found.interval[1] - found.interval[0]).toBeGreaterThan(0.1);
  expect(extrapolate(slopes.slice(0, 2), measured)).toBeNull();
});

test.each([
  ['the rest of the trace in what is simulated', 1.2, undefined],
  ['more than can be held at or below the last eigenvalue', 40, 'too much left'],
  ['less than the directions found hold', 0.9, 'nothing left'],
  ['nothing, but for the error of the trace', 0.995, undefined],
] as const)('of the leading directions alone: %s', async (_, share, impossible) => {
  const blas = await openWasmBlas(loadKernels());
  const selection = Float64Array.from({ length: 12 }, (_, i) => 10 ** (-i / 6));
  const found = selection.reduce((sum, x) => sum + x, 0);
  const Q = selection.map((h) => 2 * h * h + found * h);
  const half = { selection, H: selection, Q };
  const row = {
    cutoff: 1e-2,
    selected: 12,
    gamma: { ols: 1.1, interval: { ols: [1.05, 1.15] } },
  } as unknown as CutoffRow;
  const input = { halves: [half, half], samples: 2000, traceH: share * found, dimensions: 5000, rows: [row], seed: 1 };
  const summary = calibrate(blas, input)!;
  expect(summary.measured_directions).toBe(12);
  expect(summary.impossible).toBe(impossible);
  expect(summary.rows[0].simulated === null).toBe(impossible !== undefined);
});
