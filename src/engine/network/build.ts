/** Layers from their specifications. */
import { InputError } from '../../shared/errors.ts';
import type { LayerSpec, ModelSpec } from '../../shared/model.ts';
import { ActivationLayer } from './activation.ts';
import { AttentionLayer } from './attention.ts';
import { BatchNormLayer } from './batchnorm.ts';
import { Conv2dLayer } from './conv2d.ts';
import { DenseLayer } from './dense.ts';
import { DropoutLayer } from './dropout.ts';
import { FlattenLayer } from './flatten.ts';
import { GroupNormLayer } from './groupnorm.ts';
import { LayerNormLayer } from './layernorm.ts';
import { PatchesLayer } from './patches.ts';
import { AveragePoolLayer, MaxPoolLayer, MeanPoolLayer } from './pooling.ts';
import { ResidualLayer } from './residual.ts';
import type { Layer, Place, Weights } from './types.ts';

/**
 * The layers of a model, from its input to one vector of outputs a sample, or to a sequence of them. Raises InputError, naming the layer, where shapes do not
 * fit; with an empty map of weights that is all it does, and no numbers are needed.
 */
export function buildLayers(spec: ModelSpec, weights: Weights): Layer[] {
  const layers = buildChain(spec.layers, spec.input, weights);
  const { outputShape } = layers[layers.length - 1];
  if (outputShape.length > 2) {
    throw new InputError(
      `the model's output has shape [${outputShape.join(', ')}] a sample; expected one vector or a sequence of them (end with flatten or a pooling)`,
    );
  }
  return layers;
}

/** The layers of a chain, each built on the shape that the one before leaves. Raises InputError, naming the layer, where shapes do not fit. */
export function buildChain(
  specs: readonly LayerSpec[],
  inputShape: readonly number[],
  weights: Weights,
  place: Place = 'layers',
): Layer[] {
  const layers: Layer[] = [];
  let shape = inputShape;
  for (const [i, spec] of reluAfterMaximum([...specs.entries()])) {
    const layer = buildLayer(spec, shape, weights, `${place}[${i}]`);
    layers.push(layer);
    shape = layer.outputShape;
  }
  return layers;
}

/**
 * relu followed by max pooling as max pooling followed by relu: the same numbers and derivatives to the last bit (relu does not decrease, and where the maximum
 * is not positive no derivative passes either way) from a fraction of the work.
 */
function reluAfterMaximum(specs: (readonly [number, LayerSpec])[]): (readonly [number, LayerSpec])[] {
  const order = [...specs];
  for (let i = 0; i + 1 < order.length; i++) {
    const [first, second] = [order[i], order[i + 1]];
    const isRelu = first[1].type === 'activation' && first[1].function === 'relu';
    if (isRelu && second[1].type === 'maxpool2d') [order[i], order[i + 1]] = [second, first];
  }
  return order;
}

function buildLayer(spec: LayerSpec, inputShape: readonly number[], weights: Weights, place: Place): Layer {
  refuse(spec, place);
  switch (spec.type) {
    case 'dense':
      return new DenseLayer(spec, inputShape, weights);
    case 'activation':
      return new ActivationLayer(spec, inputShape, place);
    case 'flatten':
      return new FlattenLayer(inputShape);
    case 'conv2d':
      return new Conv2dLayer(spec, inputShape, weights);
    case 'maxpool2d':
      return new MaxPoolLayer(spec, inputShape, place);
    case 'avgpool2d':
      return new AveragePoolLayer(spec, inputShape, place);
    case 'globalavgpool2d':
    case 'meanpool':
      return new MeanPoolLayer(spec.type, inputShape, place);
    case 'layernorm':
      return new LayerNormLayer(spec, inputShape, weights);
    case 'groupnorm':
      return new GroupNormLayer(spec, inputShape, weights);
    case 'batchnorm':
      return new BatchNormLayer(spec, inputShape, weights);
    case 'patches':
      return new PatchesLayer(spec, inputShape, weights);
    case 'attention':
      return new AttentionLayer(spec, inputShape, weights);
    case 'dropout':
      return new DropoutLayer(spec, inputShape, place);
    case 'residual': {
      const shortcut = buildChain(spec.shortcut ?? [], inputShape, weights, `${place}.shortcut`);
      return new ResidualLayer(
        shortcut,
        buildChain(spec.layers, inputShape, weights, `${place}.layers`),
        inputShape,
        place,
      );
    }
    default:
      throw new InputError(`${place} (${spec.type}): layers of this type cannot be computed yet`);
  }
}

/** Raises InputError for what the format can say and no layer computes yet. */
function refuse(spec: LayerSpec, place: Place): void {
  const set = spec as Readonly<Record<string, unknown>>;
  const fields = ['tied', 'groups', 'count_padding', 'affine', 'packed', 'head_width', 'rotary', 'branches'];
  if (spec.type === 'attention' || spec.type === 'layernorm') fields.push('bias');
  if (spec.type === 'avgpool2d') fields.push('padding', 'ceil');
  const found = fields.find((field) => set[field] !== undefined && !(field === 'groups' && spec.type === 'groupnorm'));
  if (found !== undefined) throw new InputError(`${place} (${spec.type}): "${found}" cannot be computed yet`);
}
