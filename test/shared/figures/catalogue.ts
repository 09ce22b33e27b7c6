/** Every figure with seeded data, and the extreme cases: what the snapshot tests hold and the gallery shows. */
import type { MatrixInput } from '../../../src/shared/figures/figure-data.ts';
import { assumptionSlopes } from '../../../src/shared/figures/figures/assumptions.ts';
import { spectralDensity } from '../../../src/shared/figures/figures/density.ts';
import { sampleCurvature } from '../../../src/shared/figures/figures/distribution.ts';
import { dualDiagonals } from '../../../src/shared/figures/figures/duality.ts';
import {
  gammaAgainstCutoff,
  gammaAgainstHyperparameter,
  gammaPerLayer,
} from '../../../src/shared/figures/figures/gamma.ts';
import { eigenvectorOverlap, matrixHeatmap } from '../../../src/shared/figures/figures/heatmap.ts';
import { varianceFlatness, weightVariances } from '../../../src/shared/figures/figures/fluctuations.ts';
import { curvatureRatio } from '../../../src/shared/figures/figures/mechanism.ts';
import { composePanels } from '../../../src/shared/figures/figures/panels.ts';
import { scatterDiagonals } from '../../../src/shared/figures/figures/scatter.ts';
import { spectra } from '../../../src/shared/figures/figures/spectra.ts';
import { learningCurves, trainingEvolution } from '../../../src/shared/figures/figures/training.ts';
import type { FigureSpec } from '../../../src/shared/figures/types.ts';
import type { MetricPoint } from '../../../src/shared/results.ts';
import { extendedMeasurement, fluctuatingMeasurement, measurement, normal, uniform } from './data.ts';

/** A symmetric matrix that falls off from its diagonal. */
export function matrix(
  name: string,
  size: number,
  gamma: number,
  seed: number,
  basis: MatrixInput['basis'],
): MatrixInput {
  const noise = normal(seed);
  const scale = Float64Array.from({ length: size }, (_, i) => 10 ** (-1.5 * gamma * (i / size) ** 0.7));
  const order =
    basis === 'weights'
      ? Array.from({ length: size }, (_, i) => (i * 37) % size)
      : Array.from({ length: size }, (_, i) => i);
  const values = new Float64Array(size * size);
  for (let i = 0; i < size; i++)
    for (let j = 0; j <= i; j++) {
      const a = order[i];
      const b = order[j];
      const value =
        a === b ? scale[a] ** 2 : 0.12 * scale[a] * scale[b] * noise() * Math.exp(-Math.abs(a - b) / (0.2 * size));
      values[i * size + j] = value;
      values[j * size + i] = value;
    }
  return { name, values, size, basis, parameter: 'fc2.kernel' };
}

export function overlaps(size: number, d: number, seed: number): Float64Array {
  const next = uniform(seed);
  return Float64Array.from({ length: size * size }, (_, k) => {
    const apart = Math.abs(Math.floor(k / size) - (k % size));
    return Math.min(1, 0.85 * Math.exp(-apart * 1.2) + (-Math.log(1 - next()) / d) * (1 + 40 * Math.exp(-apart / 6)));
  });
}

export function curve(seed: number, rate: number, steps = 60): MetricPoint[] {
  const noise = normal(seed);
  let wander = 0;
  return Array.from({ length: steps }, (_, k) => {
    wander = 0.85 * wander + 0.05 * noise();
    return { step: 50 * k, value: 2.3 * Math.exp(-k * rate) * Math.exp(wander) + 0.012 };
  });
}

export const layers = ['conv1.kernel', 'conv2.kernel', 'fc1.kernel', 'fc2.kernel', 'out.kernel'];

export const perLayer = (seeds: number): ReturnType<typeof measurement>[] =>
  layers.flatMap((parameter, k) =>
    Array.from({ length: seeds }, (_, s) =>
      measurement({ d: 160, gamma: 0.95 + 0.14 * k, seed: 10 * k + s + 1, parameter }),
    ),
  );

export function history(points: number): Parameters<typeof trainingEvolution>[0] {
  return {
    measurements: Array.from({ length: points }, (_, k) => ({
      step: 300 * k,
      summary: measurement({ d: 160, gamma: 1 + 0.25 * (1 - Math.exp(-k / 4)), seed: 30 + k }).summary,
    })),
    loss: curve(4, 0.06, points * 6),
  };
}

export function curvatures(
  direction: number,
  count: number,
  seed: number,
): { direction: number; values: Float64Array } {
  const noise = normal(seed);
  return {
    direction,
    values: Float64Array.from(
      { length: count },
      () => Math.exp(-0.4 * Math.log(direction) - 3 + 1.6 * noise()) * (noise() < -1.9 ? -0.1 : 1),
    ),
  };
}

/** The figures of the program, at a venue's size each. */
export const figures: Readonly<Record<string, () => FigureSpec>> = {
  'C against H': () => scatterDiagonals(measurement({ d: 2500, negative: 12 }), { cutoff: 1e-4 }),
  'C against H, cross-fitted': () =>
    scatterDiagonals(measurement({ d: 600 }), { estimand: 'cross_fitted', preset: 'prl-1' }),
  'C against Q': () => scatterDiagonals(measurement({ d: 900 }), { pair: 'C_Q', preset: 'nature-1' }),
  'Q against H': () => scatterDiagonals(measurement({ d: 900 }), { pair: 'Q_H', preset: 'neurips-half' }),
  spectra: () => spectra(measurement({ d: 900, negative: 5 })),
  'spectra with eigenvalues': () => {
    const data = measurement({ d: 400 });
    const C = Float64Array.from(data.arrays.C_diagonal ?? [], (value) => value * 1.3);
    return spectra(data, { eigenvalues: { C }, ranks: 'linear', normalised: true, preset: 'nature-1' });
  },
  'duality, C dual against C': () => dualDiagonals(extendedMeasurement({ d: 600, negative: 4 }), 'C'),
  'duality, isotropy': () => dualDiagonals(extendedMeasurement({ d: 600 }), 'isotropy', { preset: 'nature-1' }),
  'C against other matrices': () => assumptionSlopes(extendedMeasurement({ d: 400 })),
  'spectral density': () => spectralDensity(extendedMeasurement({ d: 400 })),
  'C in the eigenbasis': () => matrixHeatmap(matrix('C', 60, 1.2, 3, 'eigenbasis')),
  'H over the weights': () => matrixHeatmap(matrix('H', 300, 1, 5, 'weights'), { scale: 'log', preset: 'nature-1' }),
  'eigenvector overlap': () =>
    eigenvectorOverlap({ values: overlaps(40, 2500, 9), size: 40, d: 2500, parameter: 'fc2.kernel' }),
  'gamma per layer': () => gammaPerLayer(perLayer(1)),
  'gamma per layer, seeds': () => gammaPerLayer(perLayer(5), { preset: 'jmlr', cutoff: 1e-4 }),
  'gamma against learning rate': () =>
    gammaAgainstHyperparameter(
      [0.003, 0.01, 0.03, 0.1, 0.3].map((value, k) => ({
        value,
        measurements: [1, 2, 3].map((s) => measurement({ d: 120, gamma: 1 + 0.08 * k, seed: 7 * k + s })),
      })),
      { parameter: 'learning rate', predicted: false },
    ),
  'gamma against activation': () =>
    gammaAgainstHyperparameter(
      ['ReLU', 'tanh', 'GELU'].map((value, k) => ({
        value,
        measurements: [measurement({ d: 120, gamma: 1.05 + 0.1 * k, seed: k })],
      })),
      { parameter: 'activation', preset: 'nature-1' },
    ),
  'gamma against cutoff': () => gammaAgainstCutoff(measurement({ d: 900 })),
  'learning curves': () =>
    learningCurves(
      [0.03, 0.06, 0.12].map((rate, k) => ({
        label: `learning rate ${rate}`,
        runs: [1, 2, 3, 4, 5].map((s) => curve(10 * k + s, rate)),
      })),
      { metric: 'training loss' },
    ),
  'training evolution': () => trainingEvolution(history(12), { cutoff: 1e-4 }),
  'sample curvature': () =>
    sampleCurvature(
      [1, 10, 100, 1000].map((direction, k) => curvatures(direction, 4000, k + 1)),
      { parameter: 'fc2.kernel' },
    ),
  'sample curvature, quantiles': () =>
    sampleCurvature(
      [1, 2, 4, 8, 16, 32, 64, 128, 256].map((direction, k) => curvatures(direction, 1000, k + 1)),
      { parameter: 'fc2.kernel', kind: 'quantiles', preset: 'prl-1' },
    ),
  'mechanism: curvature of samples along the spectrum': () => curvatureRatio(fluctuatingMeasurement({ d: 500 })),
  'Q against H with both bounds': () =>
    scatterDiagonals(fluctuatingMeasurement({ d: 500 }), { pair: 'Q_H', preset: 'nature-1' }),
  'variance of the weights': () => weightVariances(fluctuatingMeasurement({ d: 300 })),
  'variance and flatness': () => varianceFlatness(fluctuatingMeasurement({ d: 300 }), { preset: 'prl-1' }),
  'stability over training': () =>
    trainingEvolution(
      { ...history(8), rates: history(8).measurements.map(({ step }) => ({ step, value: 0.1 })), momentum: 0.9 },
      { quantities: ['stability'] },
    ),
  'panels, two columns': () =>
    composePanels(
      [
        scatterDiagonals(measurement({ d: 500 }), { cutoff: 1e-4 }),
        scatterDiagonals(measurement({ d: 500 }), { pair: 'C_Q', cutoff: 1e-4 }),
        gammaAgainstCutoff(measurement({ d: 500 })),
        gammaPerLayer(perLayer(1)),
      ],
      { preset: 'nature-2', columns: 2 },
    ),
  'panels, shared axes': () =>
    composePanels(
      layers.slice(0, 3).map((parameter, k) =>
        scatterDiagonals(measurement({ d: 300, seed: k + 1, gamma: 1 + 0.2 * k, parameter }), {
          title: parameter,
          cutoff: 1e-4,
          slopes: [1, 2],
          fit: false,
        }),
      ),
      { preset: 'neurips', columns: 3, shareX: true, shareY: true },
    ),
  slides: () => scatterDiagonals(measurement({ d: 900 }), { preset: 'slides', height_mm: 130 }),
};

/** What breaks other tools. */
export const extremes: Readonly<Record<string, () => FigureSpec>> = {
  '30 decades': () =>
    scatterDiagonals(measurement({ d: 900, decades: 30 }), { cutoff: 1e-6, preset: 'prl-1', smallest: 0 }),
  'less than a decade': () =>
    scatterDiagonals(measurement({ d: 200, decades: 0.5, scatter: 0.02 }), { cutoff: 1e-1, preset: 'icml-1' }),
  'one point': () => scatterDiagonals(measurement({ d: 1 })),
  'no positive point': () => scatterDiagonals(measurement({ d: 40, negative: 40 })),
  'no data': () => learningCurves([{ label: 'a run', runs: [[]] }], { metric: 'loss' }),
  'a very long label': () =>
    scatterDiagonals(measurement({ d: 200 }), {
      x: {
        label:
          'curvature $H_{ii} = v_i^{\\top} H v_i$ of the loss along the eigenvectors of the full-batch Hessian of the second hidden layer after twenty epochs of training',
      },
      y: {
        label:
          'single-sample noise covariance $C_{ii} = v_i^{\\top} \\left( \\frac{1}{P} \\sum_{p=1}^{P} g_p g_p^{\\top} - g g^{\\top} \\right) v_i$ along the same directions',
      },
      title:
        'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft and other layers with long names',
    }),
  'Greek and accents': () =>
    gammaPerLayer(
      ['α-Schicht', 'couche dense é', 'žluťoučký kůň', 'слой', 'Ελληνικά'].map((parameter, k) =>
        measurement({ d: 120, seed: k, parameter }),
      ),
      { y: { label: 'Exponent γ für jede Schicht, $\\hat\\gamma \\pm \\sigma_{\\hat\\gamma}$' }, preset: 'nature-1' },
    ),
  mathematics: () =>
    scatterDiagonals(measurement({ d: 200 }), {
      x: {
        label:
          '$\\sqrt{\\lambda_i^2 + \\epsilon} \\;\\propto\\; \\mathbb{E}_p[h_p^2]^{1/2},\\ \\|[C,H]\\|_F / (2\\|CH\\|_F) \\leq 1/\\sqrt{2}$',
      },
      y: { label: '$\\widehat{C}_{ii} \\sim H_{ii}^{\\gamma},\\ \\bar g = \\frac{1}{P}\\sum_p \\nabla \\ell_p$' },
      annotations: [
        { text: '$\\mathcal{L}(w) = \\tfrac{1}{2} w^{\\top} H w$', x: 0.97, y: 0.06, in: 'frame', anchor: 'end' },
      ],
    }),
  '12 panels': () =>
    composePanels(
      Array.from({ length: 12 }, (_, k) =>
        scatterDiagonals(measurement({ d: 150, seed: k + 1, parameter: `block${k + 1}.kernel` }), {
          title: `block ${k + 1}`,
          cutoff: 1e-4,
          fit: false,
        }),
      ),
      { preset: 'nature-2', columns: 4, shareX: true, shareY: true },
    ),
  '50 000 points, rasterised': () => scatterDiagonals(measurement({ d: 50_000 }), { cutoff: 1e-4 }),
  '50 000 points, thinned': () =>
    scatterDiagonals(measurement({ d: 50_000 }), { cutoff: 1e-4, points: { mode: 'thin', limit: 2000 } }),
  'limits that leave points out': () =>
    scatterDiagonals(measurement({ d: 400 }), { x: { min: 1e-4, max: 1 }, y: { min: 1e-6 } }),
};
