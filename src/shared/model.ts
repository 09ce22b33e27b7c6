/**
 * The model format: what a network is, as JSON. Images are [height, width, channels], sequences [tokens, width], vectors [width].
 */
import * as v from 'valibot';
import { InputError } from './errors.ts';
import { integer, parseWith, positive } from './validation.ts';

export const activationFunctions = ['relu', 'tanh', 'sigmoid', 'gelu', 'softplus', 'identity'] as const;
export type ActivationFunction = (typeof activationFunctions)[number];

export const losses = ['cross-entropy', 'mse'] as const;
export type LossName = (typeof losses)[number];

const layerName = v.pipe(
  v.string('expected a name'),
  v.regex(/^[A-Za-z][A-Za-z0-9_-]*$/, 'expected a name of letters, digits, "_" and "-" that begins with a letter'),
);
const units = integer(1, 1_000_000);

/** Fully connected: z = W^T a + b on the last axis. Parameters: `name.kernel` [in, units], `name.bias` [units]. */
const dense = v.strictObject({
  type: v.literal('dense'),
  name: layerName,
  units,
  /** Default true. */
  bias: v.optional(v.boolean(), true),
});

/** Elementwise function. gelu is the exact erf form. */
const activation = v.strictObject({
  type: v.literal('activation'),
  function: v.picklist(
    activationFunctions,
    (issue) => `expected one of ${activationFunctions.join(', ')}, received ${issue.received}`,
  ),
});

/** One vector a sample out of an image or a sequence. */
const flatten = v.strictObject({ type: v.literal('flatten') });

/**
 * Two-dimensional convolution (correlation, as every framework has it) of images. Parameters: `name.kernel` [kh, kw, in, filters],
 * `name.bias` [filters].
 */
const conv2d = v.strictObject({
  type: v.literal('conv2d'),
  name: layerName,
  filters: units,
  /** [height, width]. */
  kernel: v.strictTuple([units, units], 'expected [height, width]'),
  /** Default true. */
  bias: v.optional(v.boolean(), true),
  /** Step along both axes; default 1. */
  stride: v.optional(units, 1),
  /**
   * valid (default): only whole windows, floor((n - k) / stride) + 1 positions. same: ceil(n / stride) positions, zeros around the image,
   * the odd one at the bottom and the right.
   */
  padding: v.optional(v.picklist(['valid', 'same'], 'expected "valid" or "same"'), 'valid'),
});

const pooling = {
  /** Height and width of a window. */
  size: units,
  /** Step along both axes; default `size`. Only whole windows count. */
  stride: v.optional(units),
};
const maxpool2d = v.strictObject({ type: v.literal('maxpool2d'), ...pooling });
const avgpool2d = v.strictObject({ type: v.literal('avgpool2d'), ...pooling });
/** The mean over all positions of an image: one vector of its channels. */
const globalavgpool2d = v.strictObject({ type: v.literal('globalavgpool2d') });
/** The mean over the tokens of a sequence. */
const meanpool = v.strictObject({ type: v.literal('meanpool') });

/** Added to the variance under the square root, > 0; default 1e-5. */
const epsilon = v.optional(positive, 1e-5);

/** Every position's vector to mean 0 and variance 1, then gain and bias. Parameters: `name.gain`, `name.bias` [width]. */
const layernorm = v.strictObject({ type: v.literal('layernorm'), name: layerName, epsilon });
/** The same over a sample's positions and one group of channels; `groups` divides the channels. Parameters as layernorm. */
const groupnorm = v.strictObject({ type: v.literal('groupnorm'), name: layerName, groups: units, epsilon });
/**
 * The same over the batch and all positions, channel by channel: while training with the batch's mean and variance, while measuring and
 * evaluating with the running ones, which are `name.running_mean` and `name.running_variance` [width] (not trained).
 */
const batchnorm = v.strictObject({
  type: v.literal('batchnorm'),
  name: layerName,
  epsilon,
  /** running = (1 - momentum) running + momentum batch, in (0, 1]; default 0.1. The running variance is the unbiased one. */
  momentum: v.optional(
    v.pipe(
      v.number(),
      v.check((x) => x > 0 && x <= 1, 'expected a number above 0 and at most 1'),
    ),
    0.1,
  ),
});

/**
 * An image cut into squares, each mapped to a token: [height, width, channels] to [tokens, units], row by row. Parameters: `name.kernel`
 * [size, size, channels, units], `name.bias` [units] and, with `positions`, `name.positions` [tokens, units], which is added.
 */
const patches = v.strictObject({
  type: v.literal('patches'),
  name: layerName,
  /** Side of a square; it divides height and width. */
  size: units,
  units,
  /** Default true. */
  bias: v.optional(v.boolean(), true),
  /** A learned vector for every place; default true. */
  positions: v.optional(v.boolean(), true),
});

/**
 * Scaled dot-product self-attention of a sequence. Parameters, without biases: `name.query.kernel`, `name.key.kernel`,
 * `name.value.kernel`, `name.output.kernel` [width, width]; head h has columns h width/heads .. (h + 1) width/heads - 1.
 */
const attention = v.strictObject({
  type: v.literal('attention'),
  name: layerName,
  /** Divides the width. */
  heads: units,
  /** A token sees itself and those before it alone; default false. */
  causal: v.optional(v.boolean(), false),
});

/** While training, each number is 0 with probability `rate` and else divided by 1 - rate; nothing while measuring and evaluating. */
const dropout = v.strictObject({
  type: v.literal('dropout'),
  /** In [0, 1). */
  rate: v.pipe(
    v.number(),
    v.check((x) => x >= 0 && x < 1, 'expected a number of at least 0 and below 1'),
  ),
});

export type DenseSpec = v.InferOutput<typeof dense>;
export type ActivationSpec = v.InferOutput<typeof activation>;
export type FlattenSpec = v.InferOutput<typeof flatten>;
export type Conv2dSpec = v.InferOutput<typeof conv2d>;
export type PoolingSpec = v.InferOutput<typeof maxpool2d> | v.InferOutput<typeof avgpool2d>;
export type LayerNormSpec = v.InferOutput<typeof layernorm>;
export type GroupNormSpec = v.InferOutput<typeof groupnorm>;
export type BatchNormSpec = v.InferOutput<typeof batchnorm>;
export type PatchesSpec = v.InferOutput<typeof patches>;
export type AttentionSpec = v.InferOutput<typeof attention>;
export type DropoutSpec = v.InferOutput<typeof dropout>;
/** y = shortcut(x) + layers(x); without a shortcut, x itself. */
export interface ResidualSpec {
  readonly type: 'residual';
  readonly layers: LayerSpec[];
  readonly shortcut?: LayerSpec[] | undefined;
}
export type LayerSpec =
  | DenseSpec
  | ActivationSpec
  | FlattenSpec
  | Conv2dSpec
  | PoolingSpec
  | v.InferOutput<typeof globalavgpool2d>
  | v.InferOutput<typeof meanpool>
  | LayerNormSpec
  | GroupNormSpec
  | BatchNormSpec
  | PatchesSpec
  | AttentionSpec
  | DropoutSpec
  | ResidualSpec;

const innerLayers = v.pipe(
  v.array(
    v.lazy((): v.GenericSchema<unknown, LayerSpec> => layer),
    'expected a list of layers',
  ),
  v.minLength(1, 'expected at least one layer'),
);
const residual = v.strictObject({
  type: v.literal('residual'),
  layers: innerLayers,
  /** Layers between the input and the sum, where shapes change; default none. */
  shortcut: v.optional(innerLayers),
});

const layerSchemas = {
  dense,
  activation,
  flatten,
  conv2d,
  maxpool2d,
  avgpool2d,
  globalavgpool2d,
  layernorm,
  groupnorm,
  batchnorm,
  residual,
  patches,
  attention,
  meanpool,
  dropout,
} as const;
export type LayerKind = keyof typeof layerSchemas;
export const layerKinds = Object.keys(layerSchemas) as LayerKind[];

const layer = v.variant(
  'type',
  [
    dense,
    activation,
    flatten,
    conv2d,
    maxpool2d,
    avgpool2d,
    globalavgpool2d,
    layernorm,
    groupnorm,
    batchnorm,
    residual,
    patches,
    attention,
    meanpool,
    dropout,
  ],
  (issue) =>
    issue.received === undefined
      ? 'expected a layer'
      : `unknown layer or field; known layers: ${layerKinds.join(', ')} (received ${issue.received})`,
);

const model = v.strictObject({
  input: v.pipe(v.array(units, 'expected a list of sizes'), v.minLength(1), v.maxLength(3)),
  layers: v.pipe(v.array(layer, 'expected a list of layers'), v.minLength(1, 'expected at least one layer')),
  loss: v.picklist(losses, (issue) => `expected one of ${losses.join(', ')}, received ${issue.received}`),
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

/** Every layer, those inside residual blocks in their place after the block itself. */
export function allLayers(layers: readonly LayerSpec[]): LayerSpec[] {
  return layers.flatMap((each) =>
    each.type === 'residual' ? [each, ...allLayers(each.shortcut ?? []), ...allLayers(each.layers)] : [each],
  );
}

/** What layers do otherwise in a measurement than in training, a sentence each; empty where none does. */
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
