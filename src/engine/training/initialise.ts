/**
 * Random initial weights. Kernels are drawn independently with mean 0 and variance
 *   he: 2 / fan_in (He et al. 2015)    glorot: 2 / (fan_in + fan_out) (Glorot & Bengio 2010)
 *   lecun: 1 / fan_in (LeCun et al. 1998)    normal: standard_deviation^2
 * times scale^2; biases are 0 and gains 1. Each parameter has its own random sequence, so one layer's draw does not depend on the others.
 */
import type { InitialisationSpec } from '../../shared/experiment.ts';
import { Random } from '../../shared/random.ts';
import type { Parameter } from '../network/types.ts';

/** Values of one parameter, in its flat order. */
export function initialValues(parameter: Parameter, spec: InitialisationSpec, seed: number): Float64Array {
  const values = new Float64Array(parameter.rows * parameter.cols);
  if (parameter.initial === 'zeros') return values;
  if (parameter.initial === 'ones') return values.fill(1);
  const random = new Random(seed, `initialisation ${parameter.name}`);
  const deviation = standardDeviation(parameter, spec) * spec.scale;
  // A uniform variable on [-1, 1) has variance 1/3.
  const draw = spec.distribution === 'uniform' ? () => Math.sqrt(3) * random.between(-1, 1) : () => random.normal();
  for (let i = 0; i < values.length; i++) values[i] = deviation * draw();
  return values;
}

function standardDeviation(parameter: Parameter, spec: InitialisationSpec): number {
  switch (spec.kind) {
    case 'he':
      return Math.sqrt(2 / parameter.fanIn);
    case 'glorot':
      return Math.sqrt(2 / (parameter.fanIn + parameter.fanOut));
    case 'lecun':
      return Math.sqrt(1 / parameter.fanIn);
    case 'normal':
      return spec.standard_deviation;
    default:
      spec.kind satisfies never;
      throw new Error('unknown initialisation');
  }
}
