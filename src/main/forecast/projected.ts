/**
 * Seconds and memory of a projected measurement: some passes of each kind are made on the network itself with a part of the samples, and multiplied by how
 * many there will be. How many products a search for eigenpairs takes is known only afterwards; it is taken as what such searches usually take.
 */
import type { Rate } from './types.ts';
import { defaultProbes } from '../../engine/curvature/options.ts';
import type { MeasurementInput } from '../../engine/curvature/measurement-input.ts';
import type { DensitySpec } from '../../shared/density.ts';
import { InputError } from '../../shared/errors.ts';
import { measurementDefaults } from '../../shared/experiment.ts';
import type { MeasurementSpec } from '../../shared/experiment.ts';
import { Random } from '../../shared/random.ts';
import { Basis } from '../../engine/curvature/projected/basis.ts';
import { openSession } from '../../engine/curvature/projected/session.ts';
import { moreSplits } from '../../engine/curvature/splits.ts';
import { leaves } from '../../engine/network/chain.ts';
import type { Network } from '../../engine/network/network.ts';
import type { Pool } from '../../engine/parallel/pool.ts';
import { digest, leastSecondsOf, secondsOf } from './rates.ts';
import type { RateBook } from './rates.ts';

/** Samples that the passes are tried on at most. */
const triedSamples = 768;
/** Directions that samples are projected on in the trial. */
const triedDirections = 2;
const triedRows = 16;

/** Products with H of one search for k pairs: what Lanczos with restarts took on networks of several kinds: 52 for 10 pairs, 62 for 20, 98 to 108 for 32. */
export function usualProducts(k: number, d: number): number {
  return Math.min(d, 2 * k + 32);
}

/** The same of a search that ends at a larger residual and looks for no copies (projected/splits.ts): 105 for 50 pairs. */
function looseProducts(k: number, d: number): number {
  return Math.min(d, 2 * k + 5);
}

/** Bytes that worker threads together may keep of linearised samples (projected/measure.ts). */
const cacheLimit = (wasm: boolean): number => (wasm ? 2 ** 26 : 2 ** 30);

/** What is forecast of a projected measurement, beyond its network and data. */
export type ProjectedTask = Pick<MeasurementSpec, 'top' | 'convergence' | 'duality' | 'assumptions' | 'density'>;

/** Seconds of the passes of a projected measurement; its statistics are apart (exact.ts). */
export async function projectedSeconds(
  book: RateBook,
  pool: Pool,
  input: MeasurementInput,
  parameter: string,
  samples: number,
  { top = measurementDefaults.top, convergence = measurementDefaults.convergence, assumptions }: ProjectedTask = {},
): Promise<number> {
  if (samples < 8) throw new InputError(`a projected measurement needs at least 8 samples; there are ${samples}`);
  const { rate, tried } = await passRate(book, pool, input, parameter, samples);
  const stages = projectedStages(rate, pool, samples, tried, top);
  let seconds = sum(stages);
  // Half A by its own directions; or everything again on half of the samples, if searches make as many products.
  if (convergence === 'training-set') seconds += stages['projections'] / 4;
  if (convergence === 'full') seconds += sum(projectedStages(rate, pool, samples / 2, tried, top));
  if (assumptions === true) {
    // Each sample's outputs along k directions of all samples and k of the other half, half of a pass with H; and products with H for H^2.
    const { along, apply } = passSeconds(rate, pool, samples, tried);
    seconds += Math.min(top, rate['d']) * (along + 2 * apply);
  }
  return seconds;
}

/** Seconds of the spectral density: Lanczos steps from each random vector, each made orthogonal to those before it. */
export async function densitySeconds(
  book: RateBook,
  pool: Pool,
  input: MeasurementInput,
  parameter: string,
  samples: number,
  density: DensitySpec,
): Promise<number> {
  const { rate, tried } = await passRate(book, pool, input, parameter, samples);
  const steps = Math.min(density.steps, rate['d']);
  const { apply, first } = passSeconds(rate, pool, samples, tried);
  return rate['open'] + first + density.probes * steps * (apply + (rate['row'] * steps) / 2);
}

async function passRate(book: RateBook, pool: Pool, input: MeasurementInput, parameter: string, samples: number) {
  const tried = Math.min(samples, triedSamples);
  const rate = await book.rate(`projected/${digest([input.model, parameter, tried])}`, () =>
    tryPasses(pool, input, parameter, tried),
  );
  return { rate, tried };
}

/** Seconds of a product with H over all samples, of the first one (which linearises them), and of one direction of the projections. */
function passSeconds(rate: Rate, pool: Pool, samples: number, tried: number) {
  const scale = samples / tried;
  const cachedShare = Math.min(1, cacheLimit(pool.blas.kind === 'wasm') / Math.max(1, rate['bytes'] * samples));
  return {
    apply: scale * (cachedShare * rate['again'] + (1 - cachedShare) * rate['first']),
    first: scale * rate['first'],
    along: scale * rate['direction'],
  };
}

const sum = (stages: Rate): number => Object.values(stages).reduce((total, each) => total + each, 0);

/** Seconds of every stage, by the passes that it makes. */
export function projectedStages(rate: Rate, pool: Pool, samples: number, tried: number, top: number): Rate {
  const { d } = rate;
  const k = Math.min(top, d);
  const products = usualProducts(k, d);
  const scale = samples / tried;
  const { apply, first, along } = passSeconds(rate, pool, samples, tried);
  // All samples once, each half once with half of them; so do the projections.
  const share = Math.min(1, Math.max(64, 1e11 / (k * k * d)) / samples);
  return {
    rest: rate['open'],
    gradients: scale * rate['gradients'],
    eigenpairs: 2 * products * apply + 2 * first + 3 * products * products * rate['row'],
    projections: 2 * k * along,
    residuals: k * apply,
    traces: k === d ? 0 : defaultProbes * along,
    // Every sample's k products are written out and multiplied with one another.
    within: k * (along * share + samples * share * rate['row']),
    // Two searches over halves and the samples' values along their directions, as often as there are further splits.
    splits:
      moreSplits *
      (rate['open'] +
        scale * rate['gradients'] +
        looseProducts(k, d) * apply +
        first +
        looseProducts(k, d) ** 2 * rate['row'] +
        k * along),
  };
}

export async function tryPasses(pool: Pool, input: MeasurementInput, parameter: string, samples: number) {
  let begun = performance.now();
  const session = await openSession(pool, input, { parameter, samples, seed: 1 });
  const open = (performance.now() - begun) / 1000;
  const { space, operator, network } = session;
  const { d } = space;
  const basis = new Basis(pool, triedRows, d);
  const vectors = pool.allocate('float64', triedDirections * d);
  const out = pool.allocate('float64', d);
  try {
    const random = new Random(1, 'forecast');
    for (let i = 0; i < vectors.length; i++) vectors[i] = random.normal() / Math.sqrt(d);
    const gradients = await leastSecondsOf(() => session.gradients(true));
    const v = vectors.subarray(0, d);
    const first = await secondsOf(() => operator.apply(v, out));
    let again = Infinity;
    begun = performance.now();
    do again = Math.min(again, await secondsOf(() => operator.apply(v, out)));
    while (performance.now() - begun < 150);
    const centre = new Float64Array(d);
    const project = (count: number): Promise<number> =>
      secondsOf(() =>
        session.project({
          vectors: vectors.subarray(0, count * d),
          gradient: centre,
          halves: ['A', 'B'],
          covariance: false,
        }),
      );
    // Each call repeats its passes: the cost of one more direction is the difference.
    const one = Math.min(await project(1), await project(1));
    const two = Math.min(await project(triedDirections), await project(triedDirections));
    for (let i = 0; i < triedRows; i++) basis.row(i).set(v);
    await basis.orthogonalise(triedRows, out);
    const row = (await leastSecondsOf(() => basis.orthogonalise(triedRows, out))) / triedRows;
    const direction = Math.max(two - one, 0.5 * again);
    return { d, open, gradients, first, again, direction, row, bytes: sampleBytes(network) };
  } finally {
    basis.release();
    pool.blas.release(vectors);
    pool.blas.release(out);
    await session.close();
  }
}

/** Bytes that a linearised sample takes, about: activations, deltas and patches of every layer. */
export function sampleBytes(network: Network): number {
  let numbers = network.inputSize;
  for (const layer of leaves(network.layers)) {
    numbers += 3 * layer.outputShape.reduce((product, size) => product * size, 1);
    numbers += layer.workspace ?? 0;
  }
  return 8 * numbers;
}

/** Peak bytes: linearised samples, the basis of Lanczos and its copy at a restart, and the found vectors of three searches. */
export function projectedBytes(
  network: Network,
  d: number,
  samples: number,
  threads: number,
  wasm: boolean,
  top = measurementDefaults.top,
): number {
  const k = Math.min(top, d);
  const rows = Math.min(d, Math.max(2 * k + 50, 80));
  const linearised = Math.min(cacheLimit(wasm), samples * sampleBytes(network));
  // Per-sample products behind the off-diagonal entries of Q.
  const chunk = Math.min(512, Math.max(1, 2 ** 23 / sampleBytes(network)));
  const held = threads * Math.min(2 ** 28, 8 * k * d * chunk);
  return linearised + held + 8 * d * (2 * rows + 3 * k + 16);
}

/** Peak bytes of the spectral density: linearised samples and the basis of Lanczos. */
export function densityBytes(
  network: Network,
  d: number,
  samples: number,
  wasm: boolean,
  { steps }: DensitySpec,
): number {
  return Math.min(cacheLimit(wasm), samples * sampleBytes(network)) + 8 * d * (Math.min(steps, d) + 3);
}
