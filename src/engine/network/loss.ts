/**
 * Losses of one sample from the network's outputs (shared/model/loss.ts says what each is), with the maps that a network needs. Rows: N samples of
 * `positions` rows each of `width` outputs (K). With u the weighted targets of a row, W = sum_k u_k, q = softmax(y), s the logistic function and
 * c = 1, or 1/K (2/K for mse) where the mean over outputs is wanted:
 *   cross-entropy:         l = W logsumexp(y) - u . y,             dl/dy = W q - u,     S = W (diag(q) - q q^T)
 *   mean squared error:    l = c/2 sum_k (y_k - t_k)^2,            dl/dy = c (y - t),   S = c identity
 *   binary cross-entropy:  l = c sum_k softplus(y_k) - t_k y_k,    dl/dy = c (s - t),   S = c diag(s (1 - s))
 * u is the one-hot or soft target itself, W = 1; smoothed and times the class weights if the loss says so; of a sequence, divided by the number of its
 * rows that have a target. Like a layer, a loss keeps what its curvature needs of the last gradient, until the scope of that pass ends.
 */
import { InputError } from '../../shared/errors.ts';
import { lossOf } from '../../shared/model.ts';
import type { Loss, LossName, LossSpec } from '../../shared/model.ts';
import type { Backend, Tensor } from '../backend/types.ts';
import type { Real } from '../blas/types.ts';
import { sizeOf } from './shapes.ts';

export class SampleLoss {
  readonly type: LossName;
  readonly settings: Loss;
  /** Rows of outputs of a sample that have a target each: positions of a sequence under cross-entropy, else 1. */
  readonly positions: number;
  /** K: outputs of a row. */
  readonly width: number;
  /** Numbers of a sample's targets: a class number (or -100) a position, or a number an output (one-hot for a class). */
  readonly targetSize: number;
  /** c. */
  readonly factor: number;
  /** W of every row, of the last gradient; null: none has been made since the last forward pass. */
  #mass: Tensor | null = null;
  /** softmax(y), or s(y), of the last gradient. */
  #q: Tensor | null = null;

  /** Raises InputError if the class weights are not as many as the outputs. */
  constructor(spec: LossSpec, outputShape: readonly number[]) {
    this.settings = lossOf(spec);
    const { type, classWeights, isMean } = this.settings;
    this.type = type;
    const isClasses = type === 'cross-entropy';
    const size = sizeOf(outputShape);
    this.width = isClasses ? outputShape[outputShape.length - 1] : size;
    this.positions = size / this.width;
    this.targetSize = this.positions === 1 ? this.width : this.positions;
    this.factor = isMean ? (type === 'mse' ? 2 : 1) / this.width : 1;
    if (classWeights !== null && classWeights.length !== this.width)
      throw new InputError(
        `loss.class_weights: expected ${this.width} weights, one for each output of the model; found ${classWeights.length}`,
      );
  }

  /** Forgets the last pass. */
  reset(): void {
    this.#mass = null;
    this.#q = null;
  }

  /** [N, 1]: l_p. */
  values(backend: Backend, y: Tensor, targets: Tensor): Tensor {
    const rows = this.#rows(backend, y);
    switch (this.type) {
      case 'cross-entropy': {
        const u = this.#weighted(backend, targets);
        const expected = backend.multiply(this.#sums(backend, u), backend.logSumExp(rows));
        return this.#bySample(backend, backend.subtract(expected, backend.rowDot(rows, u)));
      }
      case 'mse': {
        const residual = backend.subtract(rows, targets);
        return backend.scale(backend.rowDot(residual, residual), 0.5 * this.factor);
      }
      case 'binary-cross-entropy': {
        const sums = this.#sums(backend, backend.activate('softplus', 0, rows));
        const values = backend.subtract(sums, backend.rowDot(rows, targets));
        return this.factor === 1 ? values : backend.scale(values, this.factor);
      }
      default:
        this.type satisfies never;
        throw new Error(`unknown loss ${String(this.type)}`);
    }
  }

  /** dl_p/dy, of y's shape, times `factor` (1/B for the gradient of a batch's mean loss). */
  gradient(backend: Backend, y: Tensor, targets: Tensor, factor = 1): Tensor {
    const rows = this.#rows(backend, y);
    let delta: Tensor;
    if (this.type === 'cross-entropy') {
      const u = this.#weighted(backend, targets);
      this.#q = backend.softmax(rows);
      this.#mass = this.#sums(backend, u);
      delta = backend.subtract(backend.scaleRows(this.#q, this.#mass), u);
    } else {
      if (this.type === 'binary-cross-entropy') this.#q = backend.activate('sigmoid', 0, rows);
      delta = backend.subtract(this.#q ?? rows, targets);
      if (this.factor !== 1) delta = backend.scale(delta, this.factor);
    }
    return this.#like(backend, factor === 1 ? delta : backend.scale(delta, factor), y);
  }

  /** `values` and `gradient` together, in one pass if the backend has one; `curvature` may not follow. */
  both(
    backend: Backend,
    y: Tensor,
    targets: Tensor,
    factor: number,
  ): { readonly losses: Tensor; readonly gradient: Tensor } {
    if (this.type === 'cross-entropy' && backend.crossEntropy !== undefined) {
      const { losses, gradient } = backend.crossEntropy(
        this.#rows(backend, y),
        this.#weighted(backend, targets),
        factor,
      );
      return { losses: this.#bySample(backend, losses), gradient };
    }
    if (this.type === 'cross-entropy' && this.#isPlain) {
      // W = 1 up to the rounding of soft targets, which saves a device two sums per step.
      const losses = backend.subtract(backend.logSumExp(y), backend.rowDot(y, targets));
      return { losses, gradient: backend.scale(backend.subtract(backend.softmax(y), targets), factor) };
    }
    return { losses: this.values(backend, y, targets), gradient: this.gradient(backend, y, targets, factor) };
  }

  /** Whether u is the target itself. */
  get #isPlain(): boolean {
    return this.positions === 1 && this.settings.smoothing === 0 && this.settings.classWeights === null;
  }

  /** S_p y dot: the derivative of dl_p/dy along y dot, after `gradient`. */
  curvature(backend: Backend, y: Tensor, yDot: Tensor): Tensor {
    if (this.type === 'mse') return this.factor === 1 ? yDot : backend.scale(yDot, this.factor);
    const [rows, dot] = [this.#rows(backend, y), this.#rows(backend, yDot)];
    if (this.type === 'binary-cross-entropy') {
      const curved = backend.activateBackward('sigmoid', rows, dot);
      return this.#like(backend, this.factor === 1 ? curved : backend.scale(curved, this.factor), y);
    }
    const q = this.#q ?? backend.softmax(rows);
    const centred = backend.subtract(backend.multiply(q, dot), backend.scaleRows(q, backend.rowDot(q, dot)));
    return this.#like(backend, this.#mass === null ? centred : backend.scaleRows(centred, this.#mass), y);
  }

  /** W of every row and the curvature's weights of the last gradient's outputs: q for classes, c s (1 - s) or c else. */
  weights(backend: Backend, y: Tensor): { readonly mass: Tensor | null; readonly weights: Tensor } {
    const rows = this.#rows(backend, y);
    if (this.type === 'cross-entropy') return { mass: this.#mass, weights: this.#q ?? backend.softmax(rows) };
    const slopes = backend.activate(this.type === 'mse' ? 'identity' : 'sigmoid', 1, rows);
    return { mass: null, weights: this.factor === 1 ? slopes : backend.scale(slopes, this.factor) };
  }

  /**
   * Samples whose prediction is correct, from outputs and targets in host memory: the largest output where the largest target is; of one output its sign;
   * of a sequence the share of its positions with a target.
   */
  correct(outputs: Real, targets: Real): number {
    const { width, positions } = this;
    let correct = 0;
    if (positions === 1 && width === 1) {
      const threshold = this.type === 'binary-cross-entropy' ? 0 : 0.5;
      for (let p = 0; p < targets.length; p++) if (outputs[p] > threshold === targets[p] > 0.5) correct++;
    } else if (positions === 1) {
      for (let start = 0; start < targets.length; start += width)
        if (largestAt(outputs, start, width) === largestAt(targets, start, width)) correct++;
    } else {
      for (let start = 0; start < targets.length; start += positions) {
        let [right, all] = [0, 0];
        for (let t = start; t < start + positions; t++) {
          if (!(targets[t] >= 0 && targets[t] < width)) continue;
          all++;
          if (largestAt(outputs, t * width, width) === targets[t]) right++;
        }
        if (all > 0) correct += right / all;
      }
    }
    return correct;
  }

  /**
   * The mean loss of the best prediction that is the same for every row, from targets in host memory: with m the mean of u (or t) over samples,
   *   cross-entropy -sum_k m_k log(m_k / sum m);  mean squared error c/2 sum_k Var(t_k), divisor n;  binary cross-entropy c sum_k H(m_k).
   */
  constant(targets: Real): number {
    const { width, factor } = this;
    const samples = targets.length / this.targetSize;
    const means = this.#meanTargets(targets, samples);
    const part = (share: number, whole: number): number => (share > 0 ? -share * Math.log(share / whole) : 0);
    switch (this.type) {
      case 'cross-entropy': {
        const whole = means.reduce((sum, mean) => sum + mean, 0);
        return means.reduce((sum, mean) => sum + part(mean, whole), 0);
      }
      case 'mse': {
        let squares = 0;
        for (let i = 0; i < targets.length; i++) squares += (targets[i] - means[i % width]) ** 2;
        return (factor * squares) / (2 * samples);
      }
      case 'binary-cross-entropy':
        return factor * means.reduce((sum, mean) => sum + part(mean, 1) + part(1 - mean, 1), 0);
      default:
        this.type satisfies never;
        throw new Error(`unknown loss ${String(this.type)}`);
    }
  }

  /** m [K]. */
  #meanTargets(targets: Real, samples: number): Float64Array {
    const { width, positions } = this;
    const { smoothing, classWeights } = this.settings;
    const means = new Float64Array(width);
    if (positions === 1) for (let i = 0; i < targets.length; i++) means[i % width] += targets[i] / samples;
    else {
      for (let start = 0; start < targets.length; start += positions) {
        const there = targets.subarray(start, start + positions).filter((t) => t >= 0 && t < width);
        for (const t of there) means[t] += 1 / (there.length * samples);
      }
    }
    if (this.type !== 'cross-entropy') return means;
    const whole = means.reduce((sum, mean) => sum + mean, 0);
    return means.map((mean, k) => (classWeights?.[k] ?? 1) * ((1 - smoothing) * mean + (smoothing / width) * whole));
  }

  /** u [rows, K] of cross-entropy. */
  #weighted(backend: Backend, targets: Tensor): Tensor {
    const { positions, width } = this;
    const { smoothing, classWeights } = this.settings;
    let u = positions === 1 ? targets : backend.oneHot(targets, width);
    const share = positions === 1 ? null : this.#shares(backend, u);
    if (smoothing > 0) {
      const even = backend.from(new Float64Array(width).fill(smoothing / width), 1, width);
      u = backend.addRow(backend.scale(u, 1 - smoothing), even);
    }
    if (classWeights !== null) u = backend.multiplyRow(u, backend.from(classWeights, 1, width));
    return share === null ? u : backend.scaleRows(u, share);
  }

  /** [rows, 1]: 1 divided by the number of its sample's rows that have a target; 0 if the row has none. */
  #shares(backend: Backend, oneHot: Tensor): Tensor {
    const { positions } = this;
    const there = this.#sums(backend, oneHot);
    const counts = backend.scale(backend.runMeans(there, positions), positions);
    // Of a sample without any target 1 instead of 0, so that its shares are 0 too.
    const none = backend.activate('relu', 0, backend.addRow(backend.scale(counts, -1), backend.from([1], 1, 1)));
    const most = backend.add(counts, none);
    const inverse = backend.inverseRoot(backend.multiply(most, most), 0);
    return backend.multiply(there, backend.repeatRows(inverse, positions));
  }

  /** [rows, 1]: sum over the columns. */
  #sums(backend: Backend, a: Tensor): Tensor {
    return backend.matmul(a, backend.from(new Float64Array(a.cols).fill(1), a.cols, 1));
  }

  /** One row a target. */
  #rows(backend: Backend, y: Tensor): Tensor {
    return y.cols === this.width ? y : backend.reshape(y, (y.rows * y.cols) / this.width, this.width);
  }

  #like(backend: Backend, rows: Tensor, y: Tensor): Tensor {
    return rows.cols === y.cols ? rows : backend.reshape(rows, y.rows, y.cols);
  }

  /** Sums over a sample's rows. */
  #bySample(backend: Backend, rows: Tensor): Tensor {
    const { positions } = this;
    return positions === 1 ? rows : backend.scale(backend.runMeans(rows, positions), positions);
  }
}

/**
 * The class of a sample whose target [width] starts at `start`: of one output 0 (no) or 1 (yes), otherwise the largest target's, as in `correct`.
 */
export function classAt(targets: Real, start: number, width: number): number {
  return width === 1 ? Number(targets[start] > 0.5) : largestAt(targets, start, width);
}

function largestAt(values: Real, start: number, width: number): number {
  let best = 0;
  for (let j = 1; j < width; j++) if (values[start + j] > values[start + best]) best = j;
  return best;
}
