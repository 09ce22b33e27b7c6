/**
 * The noise of minibatch gradients, predicted from C and compared with what batches show (docs/theory.md, "Sampling minibatches").
 *
 * P samples with gradients g_p, mean g and C = mean_p g_p g_p^T - g g^T (divisor P); a batch of B samples has the mean gradient g_B.
 *   with_replacement      cov g_B = C / B, batches independent
 *   without_replacement   cov g_B = C (P - B) / (B (P - 1)), batches independent
 *   epoch                 the same for one batch; two batches of one epoch have cov(g_B, g_B') = -C / (P - 1) whatever their sizes, so
 *                         that the sum over an epoch, each batch times its size, has no noise at all
 * Letters: a batch, e epoch, i direction.
 */
import { studentTwoSided } from '../../shared/distributions.ts';
import type { TheoryComparison, SamplingMode } from '../../shared/minibatch.ts';

export interface SamplingFactors {
  /** cov g_B = variance * C. */
  readonly variance: number;
  /** cov(g_B, g_B') = between * C for two batches of one epoch (0 if batches are independent). */
  readonly between: number;
}

/**
 * @param batch B, an integer >= 1, at most P without replacement and in an epoch.
 * @param population P, an integer >= 1.
 */
export function samplingFactors(mode: SamplingMode, batch: number, population: number): SamplingFactors {
  if (!(Number.isInteger(population) && population >= 1))
    throw new Error(`samplingFactors: expected at least 1 sample, found ${population}`);
  if (!(Number.isInteger(batch) && batch >= 1 && (mode === 'with_replacement' || batch <= population)))
    throw new Error(`samplingFactors: expected a batch of 1 to ${population} samples (${mode}), found ${batch}`);
  const variance = batch === population ? 0 : (population - batch) / (batch * (population - 1));
  switch (mode) {
    case 'with_replacement':
      return { variance: 1 / batch, between: 0 };
    case 'without_replacement':
      return { variance, between: 0 };
    case 'epoch':
      return { variance, between: population === 1 ? 0 : -1 / (population - 1) };
    default:
      mode satisfies never;
      throw new Error(`unknown sampling mode ${String(mode)}`);
  }
}

export interface BatchNoise {
  readonly mode: SamplingMode;
  /** P. */
  readonly population: number;
  /**
   * Sizes of the batches of one epoch, in order, adding up to P (mode epoch: [50, 50, ..., 20]); else one entry, the size of every batch.
   */
  readonly sizes: readonly number[];
  /** (g_B - g) . v_i with g the mean gradient over all P samples: [batches, k] row-major. Mode epoch: whole epochs, one after the other. */
  readonly projections: Float64Array;
  /** C_ii of the same P samples along the same k directions. */
  readonly C: Float64Array;
  /** C_ii at or below are left out, >= 0; defaults to 0. */
  readonly floor?: number;
}

export interface NoiseComparison {
  readonly mode: SamplingMode;
  /** Batches and, in mode epoch, epochs measured. */
  readonly batches: number;
  readonly epochs: number | null;
  /** Directions used, and left out because C_ii is at or below the floor. */
  readonly directions: number;
  readonly left_out: number;
  /**
   * Variance of a batch over its prediction, mean over batches and directions: 1 expected. Null if the prediction is 0 (a batch of all
   * samples). The standard error takes batches (mode epoch: epochs) as independent and directions as not.
   */
  readonly variance: TheoryComparison | null;
  /** The same by direction: measured variance, prediction for one batch of the first size. Directions left out are NaN. */
  readonly measured: Float64Array;
  readonly predicted: Float64Array;
  /** Of `measured`, from the spread over batches (mode epoch: epochs). */
  readonly standard_errors: Float64Array;
  /** Covariance of two batches of one epoch over C_ii, mean over pairs and directions: -1 / (P - 1) expected. Mode epoch alone. */
  readonly between: TheoryComparison | null;
  /**
   * Root mean square noise of the sum over an epoch, over what independent batches would give it: 0 up to rounding. Mode epoch alone.
   */
  readonly epoch_sum: number | null;
}

/** Raises an Error if shapes do not fit, a value is not finite, or fewer than 2 batches (mode epoch: epochs) were measured. */
export function compareBatchNoise(noise: BatchNoise): NoiseComparison {
  const { mode, population, sizes, projections, C, floor = 0 } = noise;
  const batches = checkNoise(noise);
  const k = C.length;
  const perUnit = sizes.length;
  const units = batches / perUnit;
  const factors = sizes.map((size) => samplingFactors(mode, size, population));
  const used = Array.from(C.keys()).filter((i) => C[i] > floor);

  const ratios: number[] = [];
  const covariances: number[] = [];
  let sumOfEpochs = 0;
  let independent = 0;
  const measured = new Float64Array(k).fill(NaN);
  const predicted = new Float64Array(k).fill(NaN);
  for (const i of used) {
    predicted[i] = factors[0].variance * C[i];
  }
  const ofUnits = new Float64Array(units * k);
  for (let unit = 0; unit < units; unit++) {
    let ratio = 0;
    let counted = 0;
    let covariance = 0;
    for (const i of used) {
      let sum = 0;
      let squares = 0;
      let weighted = 0;
      for (let a = 0; a < perUnit; a++) {
        const value = projections[(unit * perUnit + a) * k + i];
        const { variance } = factors[a];
        sum += value;
        squares += value * value;
        weighted += sizes[a] * value;
        if (variance > 0) {
          ratio += (value * value) / (variance * C[i]);
          counted++;
          // Rescaled to the first size, so that a shorter last batch counts like the others.
          ofUnits[unit * k + i] += (value * value * (factors[0].variance / variance)) / perUnit;
        }
        independent += sizes[a] ** 2 * variance * C[i];
      }
      if (perUnit > 1) covariance += (sum * sum - squares) / (perUnit * (perUnit - 1) * C[i]);
      sumOfEpochs += weighted * weighted;
    }
    if (counted > 0) ratios.push(ratio / counted);
    covariances.push(covariance / used.length);
  }
  const standard_errors = new Float64Array(k).fill(NaN);
  for (const i of used) {
    const { measured: mean, standard_error } = compare(
      Array.from({ length: units }, (_, unit) => ofUnits[unit * k + i]),
      0,
    );
    measured[i] = mean;
    standard_errors[i] = standard_error;
  }
  const epochs = mode === 'epoch' ? units : null;
  return {
    mode,
    batches,
    epochs,
    directions: used.length,
    left_out: k - used.length,
    variance: ratios.length > 1 ? compare(ratios, 1) : null,
    measured,
    predicted,
    standard_errors,
    between: mode === 'epoch' && perUnit > 1 ? compare(covariances, factors[0].between) : null,
    epoch_sum: mode === 'epoch' && independent > 0 ? Math.sqrt(sumOfEpochs / independent) : null,
  };
}

function compare(values: readonly number[], expected: number): TheoryComparison {
  const n = values.length;
  const measured = values.reduce((sum, value) => sum + value, 0) / n;
  const variance = values.reduce((sum, value) => sum + (value - measured) ** 2, 0) / (n - 1);
  const standard_error = Math.sqrt(variance / n);
  const z = (measured - expected) / standard_error;
  // Four epochs leave three degrees of freedom: a normal quantile would call every tenth honest one far off.
  return { measured, expected, standard_error, z, freedom: n - 1, p: studentTwoSided(z, n - 1) };
}

/** The number of batches. */
function checkNoise({ mode, population, sizes, projections, C, floor = 0 }: BatchNoise): number {
  const k = C.length;
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (mode === 'epoch' ? total !== population : sizes.length !== 1)
    throw new Error(
      mode === 'epoch'
        ? `batch noise: the batches of an epoch hold ${total} samples of ${population}`
        : `batch noise: expected one size in mode ${mode}, found ${sizes.length}`,
    );
  if (!(floor >= 0)) throw new Error(`batch noise: expected a floor of at least 0, found ${floor}`);
  const batches = k > 0 ? projections.length / k : 0;
  if (!(Number.isInteger(batches / sizes.length) && batches / sizes.length >= 2))
    throw new Error(
      `batch noise: expected at least 2 ${mode === 'epoch' ? 'whole epochs' : 'batches'} of ${k} directions, ` +
        `found ${projections.length} projections`,
    );
  for (const [name, array] of [
    ['projection', projections],
    ['C', C],
  ] as const) {
    const bad = array.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) throw new Error(`batch noise: ${name}[${bad}] is ${array[bad]}`);
  }
  if (!C.some((value) => value > floor)) throw new Error('batch noise: C is not above its floor along any direction');
  return batches;
}
