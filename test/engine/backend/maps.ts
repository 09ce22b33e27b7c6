/** A layer's four maps at a random point, on any backend: y, dx, gradients, and their tangents along a random direction. */
import type { Backend, Tensor } from '../../../src/engine/backend/types.ts';
import { buildChain } from '../../../src/engine/network/build.ts';
import type { GradientSink, Parameter } from '../../../src/engine/network/types.ts';
import type { LayerRow } from '../network/rows.ts';
import { positives } from '../network/rows.ts';
import { layersOf, normals } from '../network/support.ts';

const samples = 3;

class Sums implements GradientSink {
  readonly sums = new Map<string, Tensor>();
  readonly #backend: Backend;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  product(parameter: Parameter, a: Tensor, transposeA: boolean, b: Tensor, transposeB: boolean): void {
    this.add(parameter, this.#backend.matmul(a, b, transposeA, transposeB));
  }

  add({ name }: Parameter, gradient: Tensor): void {
    const sum = this.sums.get(name);
    this.sums.set(name, sum === undefined ? gradient : this.#backend.add(sum, gradient));
  }
}

export async function mapsOn(backend: Backend, row: LayerRow): Promise<Map<string, ArrayLike<number>>> {
  const weights = new Map<string, Tensor>();
  const layer = buildChain(layersOf([row.layer], row.input), row.input, weights)[0];
  const pass = row.training === true ? { seed: 1, step: 2 } : undefined;
  const rowsOf = (shape: readonly number[], seed: number): Tensor => {
    const width = shape[shape.length - 1];
    const size = shape.reduce((product, n) => product * n, samples);
    // Rounded to float32: both backends start from the same numbers.
    return backend.from(Float32Array.from(normals(seed, size)), size / width, width);
  };
  const matrices = (parameters: readonly Parameter[], seed: number): [string, Tensor][] =>
    parameters.map(({ name, rows, cols }, i) => [
      name,
      backend.from(Float32Array.from(normals(seed + i, rows * cols)), rows, cols),
    ]);
  const kept: Tensor[] = [];
  const readings = backend.scope(() => {
    const states = (layer.states ?? []).map(
      ({ name, rows, cols }) => [name, backend.from(positives(rows * cols), rows, cols)] as const,
    );
    for (const [name, tensor] of [...matrices(layer.parameters, 13), ...states]) {
      weights.set(name, tensor);
      kept.push(backend.keep(tensor));
    }
    const gradients = new Sums(backend);
    const y = layer.forward(backend, rowsOf(row.input, 11), pass);
    const dx = layer.backward(backend, rowsOf(layer.outputShape, 12), gradients, true);
    layer.linearise?.(backend);
    const direction = { weights: new Map(matrices(layer.parameters, 33)) };
    const yDot = layer.tangentForward(backend, rowsOf(row.input, 31), direction);
    const tangents = new Sums(backend);
    const dxDot = layer.tangentBackward(backend, rowsOf(layer.outputShape, 32), direction, tangents, true);
    const results: [string, Tensor | null][] = [
      ['y', y],
      ['dx', dx],
      ['y dot', yDot],
      ['dx dot', dxDot],
      ...[...gradients.sums].map(([name, sum]) => [`${name}, gradient`, sum] as [string, Tensor]),
      ...[...tangents.sums].map(([name, sum]) => [`${name}, its tangent`, sum] as [string, Tensor]),
    ];
    return results.flatMap(([name, tensor]) => (tensor === null ? [] : [[name, backend.read(tensor)] as const]));
  });
  for (const tensor of kept) backend.release(tensor);
  const values = new Map<string, ArrayLike<number>>();
  for (const [name, reading] of readings) values.set(name, await reading);
  return values;
}
