/** Layers from their specifications. */
import { InputError } from '../../shared/errors.ts';
import type { DenseSpec, LayerSpec, ModelSpec } from '../../shared/model.ts';
import { ActivationLayer } from './activation.ts';
import { AttentionLayer } from './attention.ts';
import { BatchNormLayer } from './batchnorm.ts';
import { ConcatLayer, ResidualLayer } from './branches.ts';
import { Conv2dLayer } from './conv2d.ts';
import { DenseLayer } from './dense.ts';
import { DropoutLayer } from './dropout.ts';
import { EmbeddingLayer, TiedDenseLayer } from './embedding.ts';
import { FlattenLayer } from './flatten.ts';
import { GroupedConv2dLayer } from './grouped-conv2d.ts';
import { GroupNormLayer } from './groupnorm.ts';
import { LayerNormLayer } from './layernorm.ts';
import { LayerScaleLayer } from './layerscale.ts';
import { PadChannelsLayer } from './padchannels.ts';
import { PatchesLayer } from './patches.ts';
import { adaptiveAveragePool, averagePool, MaxPoolLayer, MeanPoolLayer } from './pooling.ts';
import { RmsNormLayer } from './rmsnorm.ts';
import { ClassTokenLayer, PositionsLayer, SelectTokenLayer, TokensLayer, TransposeLayer } from './tokens.ts';
import type { Layer, LayerPlace, Weights } from './types.ts';

/** What building layers needs besides their specifications. */
interface Building {
  readonly weights: Weights;
  /** Embeddings by name, those that were built so far: what a dense layer can be tied to. */
  readonly embeddings: Map<string, EmbeddingLayer>;
}

/**
 * The layers of a model, from its input to one vector of outputs a sample, or to a sequence of them. Raises InputError, naming the layer, if shapes do not
 * fit; with an empty map of weights it only checks the shapes, and no numbers are needed.
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

/** The layers of a chain, each built on the shape that the one before leaves. Raises InputError, naming the layer, if shapes do not fit. */
export function buildChain(specs: readonly LayerSpec[], inputShape: readonly number[], weights: Weights): Layer[] {
  return chainOf(specs, inputShape, { weights, embeddings: new Map() }, 'layers');
}

function chainOf(
  specs: readonly LayerSpec[],
  inputShape: readonly number[],
  building: Building,
  place: LayerPlace,
): Layer[] {
  const layers: Layer[] = [];
  let shape = inputShape;
  for (const [i, spec] of reluAfterMaximum([...specs.entries()])) {
    const layer = buildLayer(spec, shape, building, `${place}[${i}]`);
    if (layer instanceof EmbeddingLayer && spec.type === 'embedding') building.embeddings.set(spec.name, layer);
    const before = layers.at(-1);
    if (before instanceof MaxPoolLayer && layer instanceof ActivationLayer && layer.isRelu) before.relu = layer;
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

function buildLayer(spec: LayerSpec, inputShape: readonly number[], building: Building, place: LayerPlace): Layer {
  const { weights } = building;
  const branches = (chains: readonly (readonly LayerSpec[])[], names: (i: number) => string): Layer[][] =>
    chains.map((chain, i) => chainOf(chain, inputShape, building, `${place}.${names(i)}`));
  switch (spec.type) {
    case 'dense':
      return spec.tied === undefined
        ? new DenseLayer(spec, inputShape, weights)
        : new TiedDenseLayer(spec, inputShape, weights, tiedTo(spec, spec.tied, building));
    case 'activation':
      return new ActivationLayer(spec, inputShape, place);
    case 'flatten':
      return new FlattenLayer(inputShape);
    case 'tokens':
      return new TokensLayer(inputShape, place);
    case 'transpose':
      return new TransposeLayer(inputShape, place);
    case 'conv2d': {
      const { groups = 1 } = spec;
      return groups === 1
        ? new Conv2dLayer(spec, inputShape, weights)
        : new GroupedConv2dLayer(spec, inputShape, weights, groups);
    }
    case 'maxpool2d':
      return new MaxPoolLayer(spec, inputShape, place);
    case 'avgpool2d':
      return averagePool(spec, inputShape, place);
    case 'adaptiveavgpool2d':
      return adaptiveAveragePool(spec, inputShape, place);
    case 'globalavgpool2d':
    case 'meanpool':
      return new MeanPoolLayer(spec.type, inputShape, place);
    case 'layernorm':
      return new LayerNormLayer(spec, inputShape, weights);
    case 'rmsnorm':
      return new RmsNormLayer(spec, inputShape, weights);
    case 'groupnorm':
      return new GroupNormLayer(spec, inputShape, weights);
    case 'batchnorm':
      return new BatchNormLayer(spec, inputShape, weights);
    case 'layerscale':
      return new LayerScaleLayer(spec, inputShape, weights);
    case 'patches':
      return new PatchesLayer(spec, inputShape, weights);
    case 'embedding':
      return new EmbeddingLayer(spec, inputShape, weights, place);
    case 'positions':
      return new PositionsLayer(spec, inputShape, weights);
    case 'classtoken':
      return new ClassTokenLayer(spec, inputShape, weights);
    case 'selecttoken':
      return new SelectTokenLayer(spec, inputShape, place);
    case 'padchannels':
      return new PadChannelsLayer(spec, inputShape, place);
    case 'attention':
      return new AttentionLayer(spec, inputShape, weights);
    case 'dropout':
      return new DropoutLayer(spec, inputShape, place);
    case 'residual': {
      const [shortcut, layers, ...more] = branches(
        [spec.shortcut ?? [], spec.layers, ...(spec.branches ?? [])],
        (i) => ['shortcut', 'layers'][i] ?? `branches[${i - 2}]`,
      );
      return new ResidualLayer([shortcut, layers, ...more], inputShape, place);
    }
    case 'concat':
      return new ConcatLayer(
        branches(spec.branches, (i) => `branches[${i}]`),
        spec.axis ?? 'last',
        inputShape,
        place,
      );
    default:
      spec satisfies never;
      throw new Error('unknown layer');
  }
}

function tiedTo({ name }: DenseSpec, tied: string, { embeddings }: Building): EmbeddingLayer {
  const embedding = embeddings.get(tied);
  if (embedding !== undefined) return embedding;
  const known = [...embeddings.keys()].join(', ');
  throw new InputError(
    `layer "${name}" (dense) is tied to "${tied}", which is no embedding before it${known === '' ? '' : ` (there is ${known})`}`,
  );
}
