/** A small problem whose middle layer is large enough for blocked products. */
import type { MeasurementInput } from '../../../../src/engine/curvature/measurement-input.ts';
import { shared } from '../../../../src/engine/parallel/shared.ts';
import { parseModel } from '../../../../src/shared/model.ts';
import { Random } from '../../../../src/shared/random.ts';

/** d = 24 * 26 = 624: three blocks of the symmetric product, four pieces of directions. */
export function problem(activation: 'tanh' | 'relu' = 'tanh'): MeasurementInput {
  const random = new Random(7, 'exact');
  const samples = 700;
  const sizes = { fc1: [10, 24], fc2: [24, 26], fc3: [26, 4] } as const;
  const model = parseModel({
    input: [10],
    loss: 'cross-entropy',
    layers: [
      { type: 'dense', name: 'fc1', units: 24, bias: false },
      { type: 'activation', function: activation },
      { type: 'dense', name: 'fc2', units: 26, bias: false },
      { type: 'activation', function: activation },
      { type: 'dense', name: 'fc3', units: 4, bias: false },
    ],
  });
  const normals = (n: number, scale: number): Float64Array =>
    shared(Float64Array.from({ length: n }, () => scale * random.normal()));
  const targets = shared(new Float64Array(samples * 4));
  for (let p = 0; p < samples; p++) targets[p * 4 + random.below(4)] = 1;
  return {
    model,
    weights: new Map(
      Object.entries(sizes).map(([name, [rows, cols]]) => [
        `${name}.kernel`,
        normals(rows * cols, Math.sqrt(2 / rows)),
      ]),
    ),
    inputs: normals(samples * 10, 1),
    targets,
    classes: true,
  };
}
