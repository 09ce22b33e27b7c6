/**
 * Seconds of an exact measurement. Two small measurements give every stage's time at two sizes; a stage goes on from there as its work does: a constant
 * part and a part in proportion (least squares through both, neither negative). Products, which are pure library calls, go by the library's own rate.
 */
import type { Rate } from './types.ts';
import type { MeasurementInput } from '../../engine/curvature/measurement-input.ts';
import { measurementDefaults } from '../../shared/experiment.ts';
import type { MeasurementSpec } from '../../shared/experiment.ts';
import { Random } from '../../shared/random.ts';
import { parseModel } from '../../shared/model.ts';
import { CpuBackend } from '../../engine/backend/cpu.ts';
import { measureExact } from '../../engine/curvature/exact.ts';
import type { MeasurementOptions } from '../../engine/curvature/options.ts';
import type { FactorLayout } from '../../engine/curvature/factors.ts';
import { Network } from '../../engine/network/network.ts';
import type { Pool } from '../../engine/parallel/pool.ts';
import { shared } from '../../engine/parallel/shared.ts';
import { initialValues } from '../../engine/training/initialise.ts';
import { eighSeconds, pooledGemmRate } from '../bench/bench.ts';
import type { RateBook } from './rates.ts';

/** What the work of a stage depends on. */
interface Size {
  readonly d: number;
  readonly samples: number;
  readonly leftWidth: number;
  readonly rightWidth: number;
}

/** The two measurements: units of the middle layer, and samples. */
const small = { width: 16, samples: 512 } as const;
const large = { width: 28, samples: 1024 } as const;

type Law = (size: Size) => number;
const cubic: Law = ({ d }) => d ** 3;
const square: Law = ({ d }) => d ** 2;
/** Of stages that grow; the others (statistics) hardly do, and new ones are taken to grow as the matrices. */
const laws: Readonly<Record<string, Law>> = {
  factors: ({ samples, leftWidth, rightWidth }) => samples * (leftWidth + rightWidth),
  products: ({ samples, leftWidth, rightWidth }) => samples * leftWidth * rightWidth,
  diagonals: cubic,
  commutator: cubic,
  half_sample: cubic,
  cross_fitting_products: cubic,
  eigendecomposition: cubic,
  cross_fitting_eigendecompositions: cubic,
  // Over 1,024 samples at the most.
  mechanism: () => 1,
  noise_at_work: square,
  splits: cubic,
  structured_nulls: ({ samples, d }) => Math.min(samples, 8192) * d,
  intervals: ({ samples, d }) => samples * d,
  statistics: () => 1,
  rest: () => 1,
};

/** What of a measurement's options decides how long it takes beyond its size. */
export type ExactExtras = Pick<MeasurementSpec, 'convergence' | 'duality' | 'assumptions'>;

export async function exactSeconds(
  book: RateBook,
  pool: Pool,
  libraryThreads: number,
  layout: FactorLayout,
  samples: number,
  { convergence = measurementDefaults.convergence, duality, assumptions }: ExactExtras = {},
): Promise<number> {
  const { half_sample = 0, ...stages } = await exactStages(book, pool, libraryThreads, layout, samples);
  let seconds = sum(stages);
  if (convergence === 'training-set') seconds += half_sample;
  if (convergence === 'full') {
    const half = await exactStages(book, pool, libraryThreads, layout, samples / 2);
    seconds += sum(half) - (half['half_sample'] ?? 0) - (half['intervals'] ?? 0) - (half['statistics'] ?? 0);
  }
  if (duality !== true && assumptions !== true) return seconds;
  const known = await extraConstants(book, pool, libraryThreads);
  if (duality === true) seconds += known.dualityOfSample * samples + dualityPart(stages);
  if (assumptions === true) seconds += known.assumptions + assumptionsPart(stages, layout);
  return seconds;
}

/** What the duality does of the kinds of work that other stages do: the packed product of four blocks in place of three, and six forms along all directions. */
const dualityPart = (stages: Rate): number => (4 / 3) * (stages['products'] ?? 0) + 3 * (stages['diagonals'] ?? 0);

/**
 * The same of the assumptions: the packed product of two blocks, with d x d products of which two take as long as the diagonals of C and Q: one for the forms of G and F, four for H^2
 * and half of one for E; and the commutator of Q. Where G is not H, one block less, one commutator and two forms more.
 */
const assumptionsPart = (stages: Rate, { blocks }: Pick<FactorLayout, 'blocks'>): number =>
  (blocks === 4 ? 1 / 4 : 2 / 3) * (stages['products'] ?? 0) +
  (stages['factors'] ?? 0) +
  (blocks === 4 ? 6 : 5) * (stages['diagonals'] ?? 0) +
  (blocks === 4 ? 2 : 1) * (stages['commutator'] ?? 0);

/** Seconds of the rest of both, from one small measurement: of the duality in proportion to the samples, of the assumptions (fits with their resamples) constant. */
export async function extraConstants(
  book: RateBook,
  pool: Pool,
  libraryThreads: number,
): Promise<{ readonly dualityOfSample: number; readonly assumptions: number }> {
  const { width, samples } = small;
  const plain = await calibrated(book, pool, libraryThreads, small);
  const extra = await book.rate(`exact/${width}/${samples}/extras`, async () => {
    const measure = { intervals: true, duality: true, assumptions: true } as const;
    const { duality, assumptions } = await calibratingMeasurement(pool, libraryThreads, small, measure);
    return { duality, assumptions };
  });
  return {
    dualityOfSample: Math.max(0, extra['duality'] - dualityPart(plain)) / samples,
    assumptions: Math.max(0, extra['assumptions'] - assumptionsPart(plain, { blocks: 3 })),
  };
}

/** Seconds of every stage. */
export async function exactStages(
  book: RateBook,
  pool: Pool,
  libraryThreads: number,
  layout: FactorLayout,
  samples: number,
): Promise<Rate> {
  const size = sizeOf(layout, samples);
  const low = await calibrated(book, pool, libraryThreads, small);
  // What is no larger than the small one takes no longer: its time is in the parts that do not grow.
  if (size.d <= small.width ** 2 && samples <= small.samples) return low;
  const high = await calibrated(book, pool, libraryThreads, large);
  const product = await book.rate('product', async () => ({ flops: await pooledGemmRate(pool) }));
  const stages: Record<string, number> = {};
  for (const stage of new Set([...Object.keys(low), ...Object.keys(high)])) {
    const law = laws[stage] ?? square;
    if (stage === 'products') {
      stages[stage] = (2 * law(size)) / product['flops'];
      continue;
    }
    const points = (
      [
        [small, low],
        [large, high],
      ] as const
    ).flatMap(([which, rate]) =>
      rate[stage] === undefined ? [] : [{ x: law(calibrationSize(which.width, which.samples)), seconds: rate[stage] }],
    );
    // Solvers of eigenproblems come to their full rate at large sizes only: there a square part stands for what is lower at small ones.
    const offset: Law =
      stage.endsWith('eigendecomposition') || stage.endsWith('eigendecompositions') ? square : () => 1;
    const first = offset(calibrationSize(small.width, small.samples));
    const second = offset(calibrationSize(large.width, large.samples));
    stages[stage] = extrapolate(points, law(size), [first, second, offset(size)]);
  }
  return stages;
}

/** Seconds of the statistics of any measurement, which hardly depend on its size. */
export async function statisticsSeconds(book: RateBook, pool: Pool, libraryThreads: number): Promise<number> {
  return (await calibrated(book, pool, libraryThreads, small))['statistics'] ?? 0;
}

function calibrated(
  book: RateBook,
  pool: Pool,
  libraryThreads: number,
  which: typeof small | typeof large,
): Promise<Rate> {
  return book.rate(`exact/${which.width}/${which.samples}`, () => calibrate(pool, libraryThreads, which));
}

const sum = (rate: Rate): number => Object.values(rate).reduce((total, seconds) => total + seconds, 0);

/** a offset + b x through two points, a and b not negative; in proportion to x through one. */
function extrapolate(
  points: readonly { readonly x: number; readonly seconds: number }[],
  x: number,
  offsets: readonly [number, number, number],
): number {
  if (points.length === 0) return 0;
  if (points.length === 1) return (points[0].seconds * x) / points[0].x;
  const [p, q] = points;
  const [op, oq, o] = offsets;
  const determinant = op * q.x - oq * p.x;
  // A stage that does not grow with anything.
  if (!(Math.abs(determinant) > 0)) return Math.max(p.seconds, q.seconds);
  const a = (p.seconds * q.x - q.seconds * p.x) / determinant;
  const b = (op * q.seconds - oq * p.seconds) / determinant;
  // The larger one alone, if the smaller was disturbed.
  return a < 0 || b < 0 ? (q.seconds * x) / q.x : a * o + b * x;
}

function sizeOf(layout: FactorLayout, samples: number): Size {
  return {
    d: layout.inner * layout.outer,
    samples,
    leftWidth: layout.leftWidth,
    rightWidth: layout.blocks * layout.blockWidth,
  };
}

function calibrationModel(width: number) {
  const dense = (name: string, units: number): unknown => ({ type: 'dense', name, units, bias: false });
  const relu = { type: 'activation', function: 'relu' };
  return parseModel({
    input: [64],
    layers: [dense('fc1', width), relu, dense('fc2', width), relu, dense('fc3', 10)],
    loss: 'cross-entropy',
  });
}

function calibrationSize(width: number, samples: number): Size {
  const packed = (width * (width + 1)) / 2;
  return { d: width * width, samples, leftWidth: packed, rightWidth: 3 * packed };
}

/** Seconds by stage of the middle layer of a small network. */
async function calibratingMeasurement(
  pool: Pool,
  libraryThreads: number,
  { width, samples }: typeof small | typeof large,
  extras: Pick<MeasurementOptions, 'intervals' | 'duality' | 'assumptions'>,
): Promise<Rate> {
  const model = calibrationModel(width);
  const network = new Network(model, new CpuBackend(pool.blas, 'float64'));
  const he = { kind: 'he', distribution: 'normal', scale: 1, standard_deviation: 1 } as const;
  const random = new Random(1, 'calibration');
  const inputs = shared(Float32Array.from({ length: samples * network.inputSize }, () => random.normal()));
  const targets = shared(new Float32Array(samples * network.outputSize));
  for (let p = 0; p < samples; p++) targets[p * network.outputSize + random.below(network.outputSize)] = 1;
  const input: MeasurementInput = {
    model,
    weights: new Map(network.parameters.map((each) => [each.name, shared(initialValues(each, he, 1))])),
    inputs,
    targets,
    classes: true,
  };
  const result = await measureExact(pool, input, { parameter: 'fc2.kernel', seed: 1, libraryThreads, ...extras });
  result.release();
  return result.summary.seconds;
}

async function calibrate(pool: Pool, libraryThreads: number, which: typeof small | typeof large): Promise<Rate> {
  const { width } = which;
  // Once before, for what is slow the first time: code to be compiled, threads and a library that have not worked yet.
  if (width === small.width) await calibratingMeasurement(pool, libraryThreads, which, { intervals: false });
  const first = await calibratingMeasurement(pool, libraryThreads, which, { intervals: true });
  const second = await calibratingMeasurement(pool, libraryThreads, which, { intervals: true });
  // A busy machine disturbs single stages by turns.
  const { total = 0, ...rates } = Object.fromEntries(
    Object.entries(first).map(([name, seconds]) => [name, Math.min(seconds, second[name] ?? seconds)]),
  );
  const stages: Record<string, number> = rates;
  // What a busy machine disturbs most, several threads that wait for one another: the least of three.
  const d = width * width;
  for (let i = 0; i < 2; i++) {
    const whole = await eighSeconds(pool, d, libraryThreads);
    const halves = Math.max(...(await Promise.all([eighSeconds(pool, d, 1), eighSeconds(pool, d, 1)])));
    lower(stages, 'eigendecomposition', whole);
    lower(stages, 'cross_fitting_eigendecompositions', halves);
  }
  return { ...stages, rest: Math.max(0, total - sum(stages)) };
}

function lower(stages: Record<string, number>, name: string, seconds: number): void {
  stages[name] = Math.min(stages[name] ?? seconds, seconds);
}
