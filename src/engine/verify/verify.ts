/** Checks measurements of a model against the oracle, on a small copy of it with random weights and data. */
import type { MeasurementInput } from '../curvature/measurement-input.ts';
import { lossOf } from '../../shared/model.ts';
import type { ModelSpec } from '../../shared/model.ts';
import { InputError } from '../../shared/errors.ts';
import { Random } from '../../shared/random.ts';
import type { Verification, VerifiedParameter, VerifiedQuantity } from '../../shared/verification.ts';
import { CpuBackend } from '../backend/cpu.ts';
import { measureExact } from '../curvature/exact.ts';
import { factorLayout } from '../curvature/factors.ts';
import { measureProjected } from '../curvature/projected/measure.ts';
import { leaves } from '../network/chain.ts';
import { Network } from '../network/network.ts';
import type { Parameter } from '../network/types.ts';
import type { Pool } from '../parallel/pool.ts';
import { shared } from '../parallel/shared.ts';
import { smallCopy } from './copy.ts';
import { jacobi, oracleMatrices } from './oracle.ts';
import type { OracleMatrices, OracleProblem } from './oracle.ts';

export interface VerifyOptions {
  /** Of weights and data; default 1. */
  readonly seed?: number | undefined;
  /** Names of parameters of the model; default all. */
  readonly parameters?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Parameter under way, and share done. */
  readonly onProgress?: ((parameter: string, share: number) => void) | undefined;
}

const samples = 10;
/** The oracle takes d^2 / 2 forward passes a sample. */
const largestSize = 160;
const exactTolerance = 1e-9;
const projectedTolerance = 1e-6;
/** Entries of C and H below which all of them are rounding (losses are of order 1). */
const vanishing = 1e-13;

/** Raises InputError if no small copy fits or a parameter does not exist. */
export async function verifyModel(pool: Pool, model: ModelSpec, options: VerifyOptions = {}): Promise<Verification> {
  const begun = performance.now();
  const seed = options.seed ?? 1;
  const backend = new CpuBackend(pool.blas, 'float64');
  const copy = smallCopy(model, (spec) => {
    try {
      const built = new Network(spec, backend);
      return built.parameters.length > 0 ? leaves(built.layers).map(({ outputShape }) => outputShape) : null;
    } catch (error) {
      if (error instanceof InputError) return null;
      throw error;
    }
  });
  const network = new Network(copy, backend);
  const names = options.parameters ?? network.parameters.map(({ name }) => name);
  const checked = names.map((name) => network.parameter(name));
  const problem = randomProblem(copy, network, seed);
  const input = inputOf(problem);
  const parameters: VerifiedParameter[] = [];
  const leftOut: { parameter: string; d: number }[] = [];
  // Nearly all of the time goes into the oracle, whose passes grow like d^2.
  const costOf = ({ rows, cols }: Parameter): number => (rows * cols > largestSize ? 0 : (rows * cols) ** 2);
  const cost = checked.reduce((sum, parameter) => sum + costOf(parameter), 0);
  let before = 0;
  for (const parameter of checked) {
    options.signal?.throwIfAborted();
    const d = parameter.rows * parameter.cols;
    if (d > largestSize) {
      leftOut.push({ parameter: parameter.name, d });
      continue;
    }
    const begin = before;
    before += costOf(parameter);
    const onProgress = (share: number): void => {
      options.onProgress?.(parameter.name, (begin + share * costOf(parameter)) / cost);
    };
    onProgress(0);
    const oracle = await oracleMatrices(problem, parameter.name, {
      onProgress,
      signal: options.signal,
    });
    options.signal?.throwIfAborted();
    const common = { parameter: parameter.name, seed, intervals: false };
    if (typeof factorLayout(network, parameter.name) !== 'string') {
      const { arrays, summary, release } = await measureExact(pool, input, { ...common, libraryThreads: 1 });
      const matrices = (['C', 'H', 'Q', 'gauss_newton'] as const).map(
        (key) => [key, arrays[key], oracle[key]] as const,
      );
      parameters.push(compared(parameter, 'exact', oracle, { ...summary, ...arrays }, matrices));
      release();
    }
    const { arrays, summary } = await measureProjected(pool, input, { ...common, top: d });
    parameters.push(compared(parameter, 'projected', oracle, { ...summary, ...arrays }, []));
  }
  return {
    format: 'covature-verification',
    version: 1,
    model: copy,
    samples,
    seed,
    parameters,
    left_out: leftOut,
    agrees: parameters.length > 0 && parameters.every(({ agrees }) => agrees),
    engine: { blas: pool.blas.name, threads: pool.threads },
    seconds: (performance.now() - begun) / 1000,
  };
}

interface Measured {
  readonly eigenvalues: unknown;
  readonly mean_gradient: Float64Array;
  readonly C_diagonal: Float64Array;
  readonly Q_diagonal: Float64Array;
  readonly loss: number;
  readonly trace: { readonly C: number; readonly H: number; readonly Q: number };
  readonly cosine_CH: number;
  readonly cosine_CQ: number;
  readonly commutator_ratio: number;
}

function compared(
  { name, shape, rows, cols }: Parameter,
  method: 'exact' | 'projected',
  oracle: OracleMatrices,
  measured: Measured,
  matrices: readonly (readonly [string, ArrayLike<number>, ArrayLike<number>])[],
): VerifiedParameter {
  const d = rows * cols;
  const { values, vectors } = jacobi(oracle.H, d);
  const tolerance = method === 'exact' ? exactTolerance : projectedTolerance;
  const quantities: VerifiedQuantity[] = [];
  const check = (quantity: string, found: ArrayLike<number>, expected: ArrayLike<number>): void => {
    const disagreement = disagreementOf(found, expected);
    quantities.push({ quantity, disagreement, tolerance, agrees: disagreement <= tolerance });
  };
  // A bias before a normalisation changes nothing: what is then measured is rounding error, and ratios of it are meaningless.
  if (largestOf(oracle.H) < vanishing && largestOf(oracle.C) < vanishing) {
    const scales = [
      ...matrices.map(([, values]) => largestOf(values)),
      largestOf(measured.eigenvalues as Float64Array),
    ];
    check('all vanish', [1 + Math.max(...scales, largestOf(measured.C_diagonal), largestOf(measured.Q_diagonal))], [1]);
    check('loss', [measured.loss], [oracle.loss]);
    return { parameter: name, shape, d, method, quantities, agrees: quantities.every(({ agrees }) => agrees) };
  }
  for (const [quantity, found, expected] of matrices) check(quantity, found, expected);
  check('mean gradient', measured.mean_gradient, oracle.mean_gradient);
  check('eigenvalues', measured.eigenvalues as Float64Array, values);
  // Within nearly equal eigenvalues the basis is free: their means.
  for (const key of ['C', 'Q'] as const) {
    const along = vectors.map((v) => form(oracle[key], v));
    check(`${key}_ii`, clusterMeans(values, measured[`${key}_diagonal`]), clusterMeans(values, along));
  }
  const trace = (m: Float64Array): number => m.reduce((sum, x, at) => sum + (at % (d + 1) === 0 ? x : 0), 0);
  check('traces', [measured.trace.C, measured.trace.H, measured.trace.Q], [oracle.C, oracle.H, oracle.Q].map(trace));
  check('loss', [measured.loss], [oracle.loss]);
  const cosine = (a: Float64Array, b: Float64Array): number => {
    const norms = Math.sqrt(inner(a, a) * inner(b, b));
    return norms > 0 ? inner(a, b) / norms : 0;
  };
  check('cosines', [measured.cosine_CH, measured.cosine_CQ], [cosine(oracle.C, oracle.H), cosine(oracle.C, oracle.Q)]);
  check('commutator ratio', [measured.commutator_ratio], [commutator(oracle.C, oracle.H, d)]);
  return { parameter: name, shape, d, method, quantities, agrees: quantities.every(({ agrees }) => agrees) };
}

function commutator(C: Float64Array, H: Float64Array, d: number): number {
  const product = new Float64Array(d * d);
  for (let i = 0; i < d; i++)
    for (let k = 0; k < d; k++) for (let j = 0; j < d; j++) product[i * d + j] += C[i * d + k] * H[k * d + j];
  let [difference, size] = [0, 0];
  for (let i = 0; i < d; i++) {
    for (let j = 0; j < d; j++) {
      difference += (product[i * d + j] - product[j * d + i]) ** 2;
      size += product[i * d + j] ** 2;
    }
  }
  return size > 0 ? Math.sqrt(difference / size) / 2 : 0;
}

function inner(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

function form(matrix: Float64Array, v: Float64Array): number {
  const d = v.length;
  let sum = 0;
  for (let i = 0; i < d; i++) for (let j = 0; j < d; j++) sum += v[i] * matrix[i * d + j] * v[j];
  return sum;
}

/** max |x - reference| / max |reference|; NaN counts as Infinity. */
function disagreementOf(x: ArrayLike<number>, reference: ArrayLike<number>): number {
  if (x.length !== reference.length) return Infinity;
  let [difference, largest] = [0, 0];
  for (let i = 0; i < reference.length; i++) {
    const gap = Math.abs(x[i] - reference[i]);
    if (!(gap <= difference)) difference = Number.isNaN(gap) ? Infinity : gap;
    largest = Math.max(largest, Math.abs(reference[i]));
  }
  return largest > 0 ? difference / largest : difference;
}

function largestOf(values: ArrayLike<number>): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]));
  return largest;
}

/** Means over runs of eigenvalues closer than 1e-6 of the largest. */
function clusterMeans(eigenvalues: readonly number[], diagonal: ArrayLike<number>): number[] {
  const largest = eigenvalues.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const means: number[] = [];
  for (let start = 0; start < eigenvalues.length;) {
    let end = start + 1;
    while (end < eigenvalues.length && eigenvalues[end - 1] - eigenvalues[end] <= 1e-6 * largest) end++;
    let sum = 0;
    for (let i = start; i < end; i++) sum += diagonal[i];
    means.push(sum / (end - start));
    start = end;
  }
  return means;
}

/** Weights as large as training leaves them, off their initial constants; inputs and targets at random. */
function randomProblem(model: ModelSpec, network: Network, seed: number): OracleProblem {
  const random = new Random(seed, 'verify');
  const normals = (count: number, scale: number): number[] =>
    Array.from({ length: count }, () => scale * random.normal());
  const weights: Record<string, number[]> = {};
  for (const { name, rows, cols, initial, fanIn } of network.parameters) {
    const values = normals(rows * cols, initial === 'kernel' ? Math.sqrt(2 / fanIn) : 0.3);
    weights[name] = initial === 'ones' ? values.map((x) => 1 + x) : values;
  }
  for (const { name, rows, cols } of network.states)
    weights[name] = normals(rows * cols, 0.3).map((x) => (name.endsWith('variance') ? 1 + x * x : x));
  const first = model.layers[0];
  const inputs = Array.from({ length: samples }, () =>
    first.type === 'embedding'
      ? Array.from({ length: network.inputSize }, () => random.below(first.tokens))
      : normals(network.inputSize, 1),
  );
  return { model, weights, inputs, targets: inputs.map((_, p) => randomTarget(network, random, p)) };
}

/** Random targets that suit the loss: numbers, answers between 0 and 1, a class, or classes of positions with one that has none. */
function randomTarget({ loss, targetSize }: Network, random: Random, sample: number): number[] {
  const each = (value: (k: number) => number): number[] => Array.from({ length: targetSize }, (_, k) => value(k));
  if (loss.type === 'mse') return each(() => random.normal());
  if (loss.type === 'binary-cross-entropy') return each(() => random.uint32() / 2 ** 32);
  if (loss.positions > 1) return each((t) => (sample === 0 && t === 0 ? -100 : random.below(loss.width)));
  const label = random.below(loss.width);
  return each((k) => (k === label ? 1 : 0));
}

function inputOf({ model, weights, inputs, targets }: OracleProblem): MeasurementInput {
  return {
    model,
    weights: new Map(Object.entries(weights).map(([name, values]) => [name, shared(Float64Array.from(values))])),
    inputs: shared(Float64Array.from(inputs.flat())),
    targets: shared(Float64Array.from(targets.flat())),
    classes: lossOf(model.loss).type === 'cross-entropy',
  };
}
