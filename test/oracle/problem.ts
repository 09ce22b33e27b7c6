/** Small random problems for both sides of a comparison with the oracle. */
import { parseModel } from '../../src/shared/model.ts';
import { Random } from '../../src/shared/random.ts';
import type { OracleLayer, OracleNetwork } from './oracle.ts';

export interface ProblemCase {
  readonly activation: NonNullable<OracleLayer['activation']>;
  readonly loss: OracleNetwork['loss'];
  readonly bias: boolean;
  readonly sizes: readonly number[];
  readonly seed: number;
}

/** A random network of plain layers as the oracle and as the engine have it, with random data. */
export function randomProblem(
  row: ProblemCase,
  samples: number,
): {
  network: OracleNetwork;
  model: ReturnType<typeof parseModel>;
  inputs: number[][];
  targets: number[][];
} {
  const random = new Random(row.seed, 'oracle');
  const layers: OracleLayer[] = row.sizes.slice(1).map((outputs, i) => ({
    name: `fc${i + 1}`,
    inputs: row.sizes[i],
    outputs,
    bias: row.bias,
    activation: i === row.sizes.length - 2 ? null : row.activation,
  }));
  const weights: Record<string, number[]> = {};
  for (const layer of layers) {
    weights[`${layer.name}.kernel`] = Array.from({ length: layer.inputs * layer.outputs }, () => random.normal());
    if (layer.bias) weights[`${layer.name}.bias`] = Array.from({ length: layer.outputs }, () => 0.5 * random.normal());
  }
  const outputs = row.sizes[row.sizes.length - 1];
  const inputs = Array.from({ length: samples }, () => Array.from({ length: row.sizes[0] }, () => random.normal()));
  const targets = inputs.map(() => {
    if (row.loss === 'mse') return Array.from({ length: outputs }, () => random.normal());
    const label = random.below(Math.max(2, outputs));
    return outputs === 1 ? [label] : Array.from({ length: outputs }, (_, k) => (k === label ? 1 : 0));
  });
  const model = parseModel({
    input: [row.sizes[0]],
    loss: row.loss,
    layers: layers.flatMap((layer) => [
      { type: 'dense', name: layer.name, units: layer.outputs, bias: layer.bias },
      ...(layer.activation === null ? [] : [{ type: 'activation', function: layer.activation }]),
    ]),
  });
  return { network: { layers, loss: row.loss, weights }, model, inputs, targets };
}
