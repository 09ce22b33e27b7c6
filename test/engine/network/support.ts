/** A single layer on random numbers, and differences of its maps. */
import { parseModel } from '../../../src/shared/model.ts';
import type { LayerSpec } from '../../../src/shared/model.ts';
import { Random } from '../../../src/shared/random.ts';
import { dataOf } from '../../../src/engine/backend/cpu.ts';
import type { CpuBackend } from '../../../src/engine/backend/cpu.ts';
import type { Tensor } from '../../../src/engine/backend/types.ts';
import { buildChain } from '../../../src/engine/network/build.ts';
import type { GradientSink, Layer, Parameter, TrainingPass } from '../../../src/engine/network/types.ts';

/** Specifications as a model's JSON has them, with defaults filled in. */
export function layersOf(layers: readonly unknown[], input: readonly number[]): LayerSpec[] {
  return parseModel({ input, layers, loss: 'mse' }).layers;
}

export function normals(seed: number, count: number, scale = 1): Float64Array {
  const random = new Random(seed, 'test');
  return Float64Array.from({ length: count }, () => scale * random.normal());
}

/** A point or a direction: the layer's input, its weights and the derivative that comes from above. */
export interface Point {
  readonly x: Float64Array;
  readonly dy: Float64Array;
  readonly weights: ReadonlyMap<string, Float64Array>;
}

export interface Maps {
  readonly y: Float64Array;
  readonly dx: Float64Array;
  readonly gradients: ReadonlyMap<string, Float64Array>;
}

/** Sums what layers hand over, as plain arrays. */
export class Collector implements GradientSink {
  readonly gradients = new Map<string, Float64Array>();
  readonly #backend: CpuBackend;

  constructor(backend: CpuBackend) {
    this.#backend = backend;
  }

  product(parameter: Parameter, a: Tensor, transposeA: boolean, b: Tensor, transposeB: boolean): void {
    this.add(parameter, this.#backend.matmul(a, b, transposeA, transposeB));
  }

  add({ name }: Parameter, gradient: Tensor): void {
    const values = dataOf(gradient);
    const sum = this.gradients.get(name) ?? new Float64Array(values.length);
    for (let i = 0; i < sum.length; i++) sum[i] += values[i];
    this.gradients.set(name, sum);
  }
}

/** One layer (or chain) under test. */
export class Subject {
  readonly backend: CpuBackend;
  readonly layer: Layer;
  readonly samples: number;
  readonly inputShape: readonly number[];
  readonly #weights = new Map<string, Tensor>();

  constructor(backend: CpuBackend, spec: unknown, inputShape: readonly number[], samples: number) {
    this.backend = backend;
    this.inputShape = inputShape;
    this.samples = samples;
    this.layer = buildChain(layersOf([spec], inputShape), inputShape, this.#weights)[0];
  }

  get all(): readonly Parameter[] {
    return [...this.layer.parameters, ...(this.layer.states ?? [])];
  }

  random(seed: number, scale = 1): Point {
    const size = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, this.samples);
    return {
      x: normals(seed, size(this.inputShape), scale),
      dy: normals(seed + 1, size(this.layer.outputShape), scale),
      weights: new Map(
        this.layer.parameters.map(({ name, rows, cols }, i) => [name, normals(seed + 2 + i, rows * cols, scale)]),
      ),
    };
  }

  set(weights: ReadonlyMap<string, ArrayLike<number>>): void {
    for (const { name, rows, cols } of this.all) {
      const values = weights.get(name);
      if (values !== undefined) this.#weights.set(name, this.#matrix(values, rows, cols));
    }
  }

  /** The value of a weight or state now. */
  get(name: string): Float64Array {
    const tensor = this.#weights.get(name);
    return tensor === undefined ? new Float64Array() : Float64Array.from(dataOf(tensor));
  }

  input(values: ArrayLike<number>): Tensor {
    return this.#rows(values, this.inputShape);
  }

  output(values: ArrayLike<number>): Tensor {
    return this.#rows(values, this.layer.outputShape);
  }

  /** y, dx and gradients at a point. */
  maps(point: Point, training?: TrainingPass): Maps {
    return this.backend.scope(() => {
      this.set(point.weights);
      const y = Float64Array.from(dataOf(this.layer.forward(this.backend, this.input(point.x), training)));
      const sink = new Collector(this.backend);
      const dx = this.layer.backward(this.backend, this.output(point.dy), sink, true);
      return { y, dx: dx === null ? new Float64Array() : Float64Array.from(dataOf(dx)), gradients: sink.gradients };
    });
  }

  /** The tangents of all three along a direction, by the layer's own maps. */
  tangents(point: Point, along: Point, options: { training?: TrainingPass; gaussNewton?: boolean } = {}): Maps {
    return this.backend.scope(() => {
      this.set(point.weights);
      this.layer.forward(this.backend, this.input(point.x), options.training);
      this.layer.backward(this.backend, this.output(point.dy), null, true);
      this.layer.linearise?.(this.backend);
      const weights = new Map(
        this.layer.parameters.map(({ name, rows, cols }) => {
          const values = along.weights.get(name) ?? new Float64Array(rows * cols);
          return [name, this.#matrix(values, rows, cols)] as const;
        }),
      );
      const direction = { weights, gaussNewton: options.gaussNewton ?? false };
      const y = this.layer.tangentForward(this.backend, this.input(along.x), direction);
      const sink = new Collector(this.backend);
      const dx = this.layer.tangentBackward(this.backend, this.output(along.dy), direction, sink, true);
      const values = (tensor: Tensor | null): Float64Array => Float64Array.from(tensor === null ? [] : dataOf(tensor));
      return { y: values(y), dx: values(dx), gradients: sink.gradients };
    });
  }

  #rows(values: ArrayLike<number>, shape: readonly number[]): Tensor {
    const width = shape[shape.length - 1];
    return this.#matrix(values, values.length / width, width);
  }

  #matrix(values: ArrayLike<number>, rows: number, cols: number): Tensor {
    return this.backend.keep(this.backend.from(values, rows, cols));
  }
}

/** a + t b, everywhere. */
export function moved(a: Point, b: Point, t: number): Point {
  const add = (x: Float64Array, y: Float64Array): Float64Array => x.map((value, i) => value + t * y[i]);
  const weights = [...a.weights].map(([name, x]) => [name, add(x, b.weights.get(name) ?? new Float64Array())] as const);
  return { x: add(a.x, b.x), dy: add(a.dy, b.dy), weights: new Map(weights) };
}

/** (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12 h: the error is of order h^4. */
export function centralDifference(f: (t: number) => Float64Array, h: number): Float64Array {
  const [a, b, c, d] = [f(h), f(-h), f(2 * h), f(-2 * h)];
  return a.map((value, i) => (8 * (value - b[i]) - (c[i] - d[i])) / (12 * h));
}

export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** max |x - y| / max |y| (absolute where y vanishes). */
export function gap(x: ArrayLike<number>, y: ArrayLike<number>): number {
  if (x.length !== y.length) return Infinity;
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < x.length; i++) {
    const each = Math.abs(x[i] - y[i]);
    if (!(each <= difference)) difference = each;
    largest = Math.max(largest, Math.abs(y[i]));
  }
  return difference / (largest || 1);
}
