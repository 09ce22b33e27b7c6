/**
 * The model format: what a network is, as JSON. A model is a chain of layers (model/layers.ts) with a loss (model/loss.ts); blocks inside hold chains
 * of their own, whose ends are added or put side by side, so every series-parallel network can be expressed.
 */
import * as v from 'valibot';
import { InputError } from './errors.ts';
import { innerChains, layer, unitCount } from './model/layers.ts';
import type { LayerSpec } from './model/layers.ts';
import { lossSchema } from './model/loss.ts';
import { parseWith } from './validation.ts';

export * from './model/activations.ts';
export * from './model/layers.ts';
export * from './model/loss.ts';

const model = v.strictObject({
  input: v.pipe(v.array(unitCount, 'expected a list of sizes'), v.minLength(1), v.maxLength(3)),
  layers: v.pipe(v.array(layer, 'expected a list of layers'), v.minLength(1, 'expected at least one layer')),
  loss: lossSchema,
});
export type ModelSpec = v.InferOutput<typeof model>;

/** The schema itself, for formats that hold a model. */
export const modelSchema = model;

/** Checks a model's form and that layer names are unique. Whether shapes fit is found by building it (engine/network). Raises InputError. */
export function parseModel(input: unknown, what = 'model'): ModelSpec {
  const spec = parseWith(model, input, what);
  const seen = new Set<string>();
  for (const name of namesIn(spec.layers)) {
    if (seen.has(name)) throw new InputError(`${what}: two layers are named "${name}"; names must differ`);
    seen.add(name);
  }
  return spec;
}

/** Every layer, those inside blocks in their place after the block itself. */
export function allLayers(layers: readonly LayerSpec[]): LayerSpec[] {
  return layers.flatMap((each) => [each, ...innerChains(each).flatMap(allLayers)]);
}

/** What layers do differently in a measurement than in training, one sentence each; empty if there are none. */
export function evaluationNotes(layers: readonly LayerSpec[]): string[] {
  const all = allLayers(layers);
  const norms = all.flatMap((each) => (each.type === 'batchnorm' ? [each.name] : []));
  const dropouts = all.filter(({ type }) => type === 'dropout').length;
  return [
    ...(norms.length > 0
      ? [
          `batchnorm (${norms.join(', ')}) measured in evaluation mode: by its running statistics, held fixed, so that samples do not interact`,
        ]
      : []),
    ...(dropouts > 0 ? [`dropout (${dropouts} layer${dropouts === 1 ? '' : 's'}) off while measuring`] : []),
  ];
}

/** Names of the kernels, in the order of the layers. Layers of kinds that this version does not know are passed over. */
export function kernelNames(layers: readonly LayerSpec[]): string[] {
  return allLayers(layers).flatMap((each) => kernelsOf(each).map((kernel) => `${kernel}.kernel`));
}

function kernelsOf(layer: LayerSpec): string[] {
  switch (layer.type) {
    case 'dense':
      return layer.tied === undefined ? [layer.name] : [];
    case 'conv2d':
    case 'patches':
    case 'embedding':
    case 'positions':
    case 'classtoken':
      return [layer.name];
    case 'attention':
      return (layer.packed === true ? ['qkv', 'output'] : ['query', 'key', 'value', 'output']).map(
        (part) => `${layer.name}.${part}`,
      );
    case 'activation':
    case 'flatten':
    case 'maxpool2d':
    case 'avgpool2d':
    case 'adaptiveavgpool2d':
    case 'globalavgpool2d':
    case 'layernorm':
    case 'rmsnorm':
    case 'groupnorm':
    case 'batchnorm':
    case 'layerscale':
    case 'residual':
    case 'concat':
    case 'selecttoken':
    case 'padchannels':
    case 'tokens':
    case 'transpose':
    case 'meanpool':
    case 'dropout':
      return [];
    default:
      layer satisfies never;
      return [];
  }
}

function namesIn(layers: readonly LayerSpec[]): string[] {
  return allLayers(layers).flatMap((each) => ('name' in each ? [each.name] : []));
}

/** "784-50-50-10" for a plain multilayer perceptron; else the names of the layers that have weights. */
export function describeModel(spec: ModelSpec): string {
  const isPlain = spec.layers.every(
    (each) => each.type === 'dense' || each.type === 'activation' || each.type === 'flatten',
  );
  const sizes = spec.layers.flatMap((each) => (each.type === 'dense' ? [each.units] : []));
  const inputs = spec.input.reduce((product, size) => product * size, 1);
  return isPlain ? [inputs, ...sizes].join('-') : namesIn(spec.layers).join('-');
}
