/**
 * The layers of the model format, each with its fields, defaults and parameters. Images are [height, width, channels], sequences [tokens,
 * width], vectors [width], token numbers [tokens]. Parameters of a layer named `name` are `name.kernel`, ...; those after a / are there only if
 * the field before it says so.
 */
import * as v from 'valibot';
import { integer, positive, real, notOneOf } from '../validation.ts';
import { activationFunctions } from './activations.ts';

const layerName = v.pipe(
  v.string('expected a name'),
  v.maxLength(150, 'expected a name of at most 150 characters'),
  v.regex(
    /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/,
    'expected a name of letters, digits, "_" and "-", or several with dots between them, as modules of PyTorch have ("encoder.0.fc1")',
  ),
);
export const unitCount = integer(1, 1_000_000);
const flag = v.boolean('expected true or false');
/** Default true. */
const bias = v.optional(flag, true);

/** A number for both axes, or [height, width]. */
const size2d = choice(
  [unitCount, v.strictTuple([unitCount, unitCount])],
  'expected a whole number above 0 or [height, width]',
);
const pad = integer(0, 1_000_000);
/** p on every side, [rows, columns] on both sides alike, or [[top, bottom], [left, right]]. */
const numericPadding = choice(
  [pad, v.strictTuple([pad, pad]), v.strictTuple([v.strictTuple([pad, pad]), v.strictTuple([pad, pad])])],
  'expected a whole number, [rows, columns] or [[top, bottom], [left, right]]',
);

/**
 * Fully connected: z = W^T a + b on the last axis. Parameters: `name.kernel` [in, units], `name.bias` [units]. With `tied`, the name of an embedding
 * before it, W is that embedding's table transposed (units: its number of tokens), which is measured once, with both its uses.
 */
const dense = v.strictObject({
  type: v.literal('dense'),
  name: layerName,
  units: unitCount,
  bias,
  /** Name of an embedding. Default: a kernel of its own. */
  tied: v.optional(layerName),
});

/** Elementwise function (activations.ts). */
const activation = v.strictObject({
  type: v.literal('activation'),
  function: v.picklist(activationFunctions, (issue) =>
    /softmax/i.test(issue.received)
      ? 'a softmax is not a function of one number; cross-entropy takes the outputs before it (logits), so leave it out'
      : notOneOf(activationFunctions, issue.received),
  ),
  /** Of leaky-relu below 0; default 0.01. */
  slope: v.optional(real()),
  /** Of elu, minus its limit; default 1. */
  alpha: v.optional(real()),
});

/** Flattens an image or a sequence to one vector per sample, position by position. */
const flatten = v.strictObject({ type: v.literal('flatten') });
/**
 * Zeros before and after the numbers of the last axis: channels of images, widths of sequences, entries of vectors. With an average pooling of size 1 and
 * stride 2 before it, the shortcut without weights of residual networks on CIFAR-10 (He et al. 2016, section 4.2, option A).
 */
const padchannels = v.pipe(
  v.strictObject({
    type: v.literal('padchannels'),
    /** Number of zeros; default 0. One of the two must be above 0. */
    before: v.optional(pad),
    after: v.optional(pad),
  }),
  v.check(
    ({ before = 0, after = 0 }) => before + after > 0,
    'expected "before" or "after", the number of zeros, above 0',
  ),
);
/** An image's positions as the tokens of a sequence, row by row: [height, width, channels] to [height * width, channels]. */
const tokens = v.strictObject({ type: v.literal('tokens') });
/** Exchanges tokens and width: [tokens, width] to [width, tokens]. */
const transpose = v.strictObject({ type: v.literal('transpose') });

/**
 * Two-dimensional convolution (correlation, as every framework has it) of images. Parameters: `name.kernel` [kh, kw, in / groups, filters],
 * `name.bias` [filters].
 */
const conv2d = v.strictObject({
  type: v.literal('conv2d'),
  name: layerName,
  filters: unitCount,
  /** [height, width]. */
  kernel: v.strictTuple([unitCount, unitCount], 'expected [height, width]'),
  bias,
  /** Step along both axes, or [down, across]; default 1. */
  stride: v.optional(size2d, 1),
  /**
   * Zeros around the image. Numbers as PyTorch has them; floor((n + both - dilation (k - 1) - 1) / stride) + 1 positions. valid (default): none. same:
   * ceil(n / stride) positions, the odd zero at the bottom and the right (PyTorch's strided convolutions pad both sides alike: use numbers for them).
   */
  padding: v.optional(
    v.lazy((input): v.GenericSchema<unknown, 'valid' | 'same' | NumericPadding> =>
      typeof input === 'string'
        ? v.picklist(['valid', 'same'], 'expected "valid" or "same", or numbers of zeros')
        : numericPadding,
    ),
    'valid',
  ),
  /** Distance between a window's places along both axes, or [down, across]; default 1. */
  dilation: v.optional(size2d),
  /** Groups of channels that are seen only by their own filters: group g has filters g F/G ... (g + 1) F/G - 1. Divides channels and filters; default 1. */
  groups: v.optional(unitCount),
});

const pooling = {
  /** Of a window: its side, or [height, width]. */
  size: size2d,
  /** Step along both axes, or [down, across]; default `size`. */
  stride: v.optional(size2d),
  /** Padding around the image, less than the size of a window; default 0. */
  padding: v.optional(numericPadding),
  /** Whether windows that reach over the end count, unless they begin beyond the image and the padding before it (PyTorch's ceil_mode); default false. */
  ceil: v.optional(flag),
};
/** The largest number of every window; padding does not count. */
const maxpool2d = v.strictObject({ type: v.literal('maxpool2d'), ...pooling });
/** The mean over every window. */
const avgpool2d = v.strictObject({
  type: v.literal('avgpool2d'),
  ...pooling,
  /** Whether places of the padding count, as zeros (PyTorch's count_include_pad); default true. Places beyond the padding never do. */
  count_padding: v.optional(flag),
});
/** Means over `size` (a side, or [height, width]) bins along each axis: of n places, bin i has floor(i n / size) to ceil((i + 1) n / size) - 1. */
const adaptiveavgpool2d = v.strictObject({ type: v.literal('adaptiveavgpool2d'), size: size2d });
/** The mean over all positions of an image: one vector of its channels. */
const globalavgpool2d = v.strictObject({ type: v.literal('globalavgpool2d') });
/** The mean over the tokens of a sequence. */
const meanpool = v.strictObject({ type: v.literal('meanpool') });

/** Added to the variance under the square root, > 0; default 1e-5. */
const epsilon = v.optional(positive, 1e-5);
/** Whether the layer has gain and bias; default true. */
const affine = v.optional(flag);

/** Every position's vector to mean 0 and variance 1, then gain and bias. Parameters: `name.gain`, `name.bias` [width]. */
const layernorm = v.strictObject({
  type: v.literal('layernorm'),
  name: layerName,
  epsilon,
  affine,
  /** Whether there is a bias in addition to the gain; default true. */
  bias: v.optional(flag),
});
/** Every position's vector divided by sqrt(mean of its squares + epsilon), then gain. Parameter: `name.gain` [width]. */
const rmsnorm = v.strictObject({ type: v.literal('rmsnorm'), name: layerName, epsilon, affine });
/** The same as layernorm over a sample's positions and one group of channels; `groups` divides the channels. Parameters as layernorm. */
const groupnorm = v.strictObject({ type: v.literal('groupnorm'), name: layerName, groups: unitCount, epsilon, affine });
/**
 * The same over the batch and all positions, channel by channel: while training with the batch's mean and variance, while measuring and
 * evaluating with the running ones, which are `name.running_mean` and `name.running_variance` [width] (not trained).
 */
const batchnorm = v.strictObject({
  type: v.literal('batchnorm'),
  name: layerName,
  epsilon,
  affine,
  /** running = (1 - momentum) running + momentum batch, in (0, 1]; default 0.1. The running variance is the unbiased one. */
  momentum: v.optional(
    v.pipe(
      v.number(),
      v.check((x) => x > 0 && x <= 1, 'expected a number above 0 and at most 1'),
    ),
    0.1,
  ),
});
/** The last axis times a learned vector. Parameter: `name.gain` [width]. */
const layerscale = v.strictObject({ type: v.literal('layerscale'), name: layerName });

/**
 * An image cut into squares, each mapped to a token: [height, width, channels] to [tokens, units], row by row. Parameters: `name.kernel`
 * [size, size, channels, units], `name.bias` [units] and, with `positions`, `name.positions` [tokens, units], which is added.
 */
const patches = v.strictObject({
  type: v.literal('patches'),
  name: layerName,
  /** Side of a square; it divides height and width. */
  size: unitCount,
  units: unitCount,
  bias,
  /** A learned vector for every place; default true. */
  positions: v.optional(flag, true),
});

/**
 * A learned vector for every token number: [tokens] whole numbers from 0 to tokens - 1 become [length, units]. Only as the first layer of a model whose
 * input is [length]. Parameter: `name.kernel` [tokens, units].
 */
const embedding = v.strictObject({
  type: v.literal('embedding'),
  name: layerName,
  /** How many numbers there are. */
  tokens: unitCount,
  units: unitCount,
});
/** A learned vector for every place of a sequence, added. Parameter: `name.kernel` [tokens, width]. */
const positions = v.strictObject({ type: v.literal('positions'), name: layerName });
/** A learned token placed before the others: [tokens, width] to [tokens + 1, width]. Parameter: `name.kernel` [width]. */
const classtoken = v.strictObject({ type: v.literal('classtoken'), name: layerName });
/** One token of a sequence: [tokens, width] to [width]. */
const selecttoken = v.strictObject({
  type: v.literal('selecttoken'),
  /** From 0; negative from the end, -1 the last. */
  index: integer(-1_000_000, 1_000_000),
});

/**
 * Scaled dot-product self-attention of a sequence. Parameters: `name.query.kernel`, `name.key.kernel`, `name.value.kernel` [width, inner] and
 * `name.output.kernel` [inner, width], inner = heads * head_width; with `bias` also `name.query.bias`, ... . With `packed` the first three are one,
 * `name.qkv.kernel` [width, 3 inner] (and `name.qkv.bias`): query, key, value side by side. Head h has columns h head_width ... (h + 1) head_width - 1.
 */
const attention = v.strictObject({
  type: v.literal('attention'),
  name: layerName,
  /** Divides the width unless `head_width` is given. */
  heads: unitCount,
  /** A token sees only itself and those before it; default false. */
  causal: v.optional(flag, false),
  /** Default false. */
  bias: v.optional(flag),
  /** Query, key and value as one parameter, measured as one; default false. */
  packed: v.optional(flag),
  /** Default width / heads. */
  head_width: v.optional(unitCount),
  /**
   * Rotary positions (Su et al. 2021): pair i of a head's e numbers of query and key is turned by token * base^(-2i / e). e is even.
   */
  rotary: v.optional(
    v.strictObject({
      /** Default 10000. */
      base: v.optional(positive),
      /** Pairs (2i, 2i + 1); default false: (i, i + e/2). */
      interleaved: v.optional(flag),
    }),
  ),
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

export type Size2d = number | readonly [number, number];
export type NumericPadding =
  number | readonly [number, number] | readonly [readonly [number, number], readonly [number, number]];
export type DenseSpec = v.InferOutput<typeof dense>;
export type ActivationSpec = v.InferOutput<typeof activation>;
export type Conv2dSpec = v.InferOutput<typeof conv2d>;
export type PoolingSpec = v.InferOutput<typeof maxpool2d> | v.InferOutput<typeof avgpool2d>;
export type AdaptivePoolSpec = v.InferOutput<typeof adaptiveavgpool2d>;
export type LayerNormSpec = v.InferOutput<typeof layernorm>;
export type RmsNormSpec = v.InferOutput<typeof rmsnorm>;
export type GroupNormSpec = v.InferOutput<typeof groupnorm>;
export type BatchNormSpec = v.InferOutput<typeof batchnorm>;
export type LayerScaleSpec = v.InferOutput<typeof layerscale>;
export type PatchesSpec = v.InferOutput<typeof patches>;
export type EmbeddingSpec = v.InferOutput<typeof embedding>;
export type PositionsSpec = v.InferOutput<typeof positions>;
export type ClassTokenSpec = v.InferOutput<typeof classtoken>;
export type SelectTokenSpec = v.InferOutput<typeof selecttoken>;
export type AttentionSpec = v.InferOutput<typeof attention>;
export type PadChannelsSpec = v.InferOutput<typeof padchannels>;
export type DropoutSpec = v.InferOutput<typeof dropout>;
/** y = shortcut(x) + layers(x) + the sum of the branches; without a shortcut, x itself. A branch without layers is x itself too. */
export interface ResidualSpec {
  readonly type: 'residual';
  readonly layers: LayerSpec[];
  readonly shortcut?: LayerSpec[] | undefined;
  readonly branches?: LayerSpec[][] | undefined;
}
/** The outputs of branches of the same input side by side: on the last axis, or one sequence after the other. */
export interface ConcatSpec {
  readonly type: 'concat';
  readonly branches: LayerSpec[][];
  readonly axis?: 'last' | 'tokens' | undefined;
}
/** Kinds without layers inside. */
const plainSchemas = {
  dense,
  activation,
  flatten,
  conv2d,
  maxpool2d,
  avgpool2d,
  adaptiveavgpool2d,
  globalavgpool2d,
  layernorm,
  rmsnorm,
  groupnorm,
  batchnorm,
  layerscale,
  patches,
  embedding,
  positions,
  classtoken,
  selecttoken,
  padchannels,
  tokens,
  transpose,
  attention,
  meanpool,
  dropout,
} as const;
export type LayerSpec = v.InferOutput<(typeof plainSchemas)[keyof typeof plainSchemas]> | ResidualSpec | ConcatSpec;

const anyLayers = v.array(
  v.lazy((): v.GenericSchema<unknown, LayerSpec> => layer),
  'expected a list of layers',
);
const innerLayers = v.pipe(anyLayers, v.minLength(1, 'expected at least one layer'));
const residual = v.strictObject({
  type: v.literal('residual'),
  layers: innerLayers,
  /** Layers between the input and the sum, where shapes change; default none. */
  shortcut: v.optional(innerLayers),
  /** More branches from the input to the sum, beside the shortcut and `layers`; an empty one is the input itself. Default none. */
  branches: v.optional(v.array(anyLayers, 'expected a list of lists of layers')),
});
const concat = v.strictObject({
  type: v.literal('concat'),
  branches: v.pipe(
    v.array(anyLayers, 'expected a list of lists of layers'),
    v.minLength(2, 'expected at least two branches'),
  ),
  /** Default last: channels of images, widths of sequences, entries of vectors. */
  axis: v.optional(v.picklist(['last', 'tokens'], 'expected "last" or "tokens"')),
});

const layerSchemas = { ...plainSchemas, residual, concat } as const;
export type LayerKind = keyof typeof layerSchemas;
export const layerKinds = Object.keys(layerSchemas) as LayerKind[];

const [firstSchema, ...otherSchemas] = Object.values(layerSchemas);
export const layer = v.variant('type', [firstSchema, ...otherSchemas], (issue) =>
  issue.received === undefined
    ? 'expected a layer'
    : `unknown layer or field; known layers: ${layerKinds.join(', ')} (received ${issue.received})`,
);

/** Chains of layers inside a layer, in the order in which their parameters are listed. */
export function innerChains(spec: LayerSpec): readonly (readonly LayerSpec[])[] {
  if (spec.type === 'residual') return [spec.shortcut ?? [], spec.layers, ...(spec.branches ?? [])];
  return spec.type === 'concat' ? spec.branches : [];
}

/** [height, width] of a size that may be one number for both. */
export function pairOf(size: Size2d): readonly [number, number] {
  return typeof size === 'number' ? [size, size] : size;
}

/** [[top, bottom], [left, right]]. */
export function sidesOf(padding: NumericPadding): readonly [readonly [number, number], readonly [number, number]] {
  if (typeof padding === 'number')
    return [
      [padding, padding],
      [padding, padding],
    ];
  const [rows, columns] = padding;
  return [typeof rows === 'number' ? [rows, rows] : rows, typeof columns === 'number' ? [columns, columns] : columns];
}

/** One of several forms, with a single error message whatever is wrong. */
function choice<const S extends readonly v.GenericSchema[]>(
  forms: S,
  message: string,
): v.GenericSchema<unknown, v.InferOutput<S[number]>> {
  return v.custom<v.InferOutput<S[number]>>((input) => forms.some((form) => v.is(form, input)), message);
}
