/** Every figure of `figureTable` at a venue, from seeded data: what two-panel figures are made of. */
import { assumptionSlopes } from '../../../src/shared/figures/figures/assumptions.ts';
import { spectralDensity } from '../../../src/shared/figures/figures/density.ts';
import { sampleCurvature } from '../../../src/shared/figures/figures/distribution.ts';
import { dualDiagonals } from '../../../src/shared/figures/figures/duality.ts';
import {
  gammaAgainstCutoff,
  gammaAgainstHyperparameter,
  gammaPerLayer,
} from '../../../src/shared/figures/figures/gamma.ts';
import { varianceFlatness, weightVariances } from '../../../src/shared/figures/figures/fluctuations.ts';
import { eigenvectorOverlap, matrixHeatmap } from '../../../src/shared/figures/figures/heatmap.ts';
import { curvatureRatio } from '../../../src/shared/figures/figures/mechanism.ts';
import { scatterDiagonals } from '../../../src/shared/figures/figures/scatter.ts';
import { spectra } from '../../../src/shared/figures/figures/spectra.ts';
import { learningCurves, trainingEvolution } from '../../../src/shared/figures/figures/training.ts';
import type { PresetName } from '../../../src/shared/figures/presets.ts';
import type { FigureSpec } from '../../../src/shared/figures/types.ts';
import type { FigureName } from '../../../src/shared/figures/catalogue.ts';
import { curvatures, curve, history, matrix, overlaps, perLayer } from './catalogue.ts';
import { extendedMeasurement, fluctuatingMeasurement, measurement } from './data.ts';

type Make = (preset: PresetName, seed: number) => FigureSpec;

const rates = [0.05, 0.1, 0.2, 0.4];
const batches = [20, 100];

export const pairFigures: Readonly<Record<FigureName, Make>> = {
  C_H: (preset, seed) => scatterDiagonals(measurement({ d: 400, seed, negative: 8 }), { preset }),
  C_Q: (preset, seed) => scatterDiagonals(measurement({ d: 400, seed }), { preset, pair: 'C_Q' }),
  Q_H: (preset, seed) => scatterDiagonals(measurement({ d: 400, seed }), { preset, pair: 'Q_H' }),
  spectra: (preset, seed) => spectra(measurement({ d: 300, seed }), { preset }),
  heatmap: (preset, seed) => matrixHeatmap(matrix('C', 40, 1.2, seed, 'eigenbasis'), { preset }),
  overlap: (preset, seed) =>
    eigenvectorOverlap({ values: overlaps(20, 400, seed), size: 20, d: 400, parameter: 'fc2.kernel' }, { preset }),
  gamma_layers: (preset) => gammaPerLayer(perLayer(1), { preset }),
  gamma_cutoff: (preset, seed) => gammaAgainstCutoff(measurement({ d: 400, seed }), { preset }),
  gamma_hyperparameter: (preset, seed) =>
    gammaAgainstHyperparameter(
      rates.flatMap((value, k) =>
        batches.map((batch) => ({
          value,
          group: `batch ${batch}`,
          measurements: [measurement({ d: 60, gamma: 1 + 0.08 * k + batch / 500, seed: seed + k })],
        })),
      ),
      { parameter: 'learning rate', preset },
    ),
  evolution: (preset) => trainingEvolution(history(8), { preset }),
  curves: (preset, seed) =>
    learningCurves(
      rates.map((rate, k) => ({
        label: `learning rate ${rate}, batch 50`,
        runs: [1, 2, 3].map((s) => curve(10 * k + s + seed, rate)),
      })),
      { metric: 'training loss', preset },
    ),
  duality: (preset, seed) => dualDiagonals(extendedMeasurement({ d: 300, seed, negative: 4 }), 'C', { preset }),
  isotropy: (preset, seed) => dualDiagonals(extendedMeasurement({ d: 300, seed }), 'isotropy', { preset }),
  assumptions: (preset, seed) => assumptionSlopes(extendedMeasurement({ d: 200, seed }), { preset }),
  density: (preset, seed) => spectralDensity(extendedMeasurement({ d: 200, seed }), { preset }),
  samples: (preset, seed) =>
    sampleCurvature(
      [1, 10, 100, 1000].map((direction, k) => curvatures(direction, 1000, seed + k)),
      { parameter: 'fc2.kernel', preset },
    ),
  mechanism: (preset, seed) => curvatureRatio(fluctuatingMeasurement({ d: 300, seed }), { preset }),
  fluctuations: (preset, seed) => weightVariances(fluctuatingMeasurement({ d: 200, seed }), { preset }),
  flatness: (preset, seed) => varianceFlatness(fluctuatingMeasurement({ d: 200, seed }), { preset }),
};
