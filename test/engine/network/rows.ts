import { activationFunctions } from '../../../src/shared/model.ts';

/** Every kind of layer, with the options that change its maps. */
export interface LayerRow {
  readonly title: string;
  readonly input: readonly number[];
  readonly layer: unknown;
  readonly training?: true;
}

export const layerRows: readonly LayerRow[] = [
  { title: 'dense', input: [5], layer: { type: 'dense', name: 'fc', units: 4 } },
  { title: 'dense on tokens, no bias', input: [3, 5], layer: { type: 'dense', name: 'fc', units: 4, bias: false } },
  ...activationFunctions.map((fn) => ({ title: fn, input: [6], layer: { type: 'activation', function: fn } })),
  { title: 'leaky-relu, slope', input: [6], layer: { type: 'activation', function: 'leaky-relu', slope: 0.2 } },
  { title: 'elu, alpha', input: [6], layer: { type: 'activation', function: 'elu', alpha: 1.7 } },
  { title: 'flatten', input: [3, 2, 2], layer: { type: 'flatten' } },
  { title: 'conv2d', input: [5, 4, 2], layer: { type: 'conv2d', name: 'c', filters: 3, kernel: [3, 2] } },
  {
    title: 'conv2d, stride 2, no bias',
    input: [6, 5, 2],
    layer: { type: 'conv2d', name: 'c', filters: 3, kernel: [2, 3], stride: 2, bias: false },
  },
  {
    title: 'conv2d, same padding',
    input: [4, 5, 2],
    layer: { type: 'conv2d', name: 'c', filters: 2, kernel: [3, 4], padding: 'same' },
  },
  {
    title: 'conv2d, same padding, stride 3',
    input: [5, 7, 1],
    layer: { type: 'conv2d', name: 'c', filters: 2, kernel: [3, 3], padding: 'same', stride: 3 },
  },
  {
    title: 'conv2d, padding of its own on each side, steps and dilation of its own along each axis',
    input: [6, 7, 2],
    layer: {
      type: 'conv2d',
      name: 'c',
      filters: 3,
      kernel: [3, 2],
      stride: [2, 1],
      dilation: [1, 3],
      padding: [
        [1, 2],
        [0, 3],
      ],
    },
  },
  {
    title: 'conv2d, 2 groups, stride 2, padding 1',
    input: [5, 4, 6],
    layer: { type: 'conv2d', name: 'c', filters: 4, kernel: [3, 3], groups: 2, stride: 2, padding: 1 },
  },
  {
    title: 'conv2d, depthwise, two filters a channel, no bias',
    input: [4, 4, 3],
    layer: { type: 'conv2d', name: 'c', filters: 6, kernel: [3, 3], groups: 3, padding: 'same', bias: false },
  },
  { title: 'maxpool2d', input: [4, 6, 2], layer: { type: 'maxpool2d', size: 2 } },
  { title: 'maxpool2d, overlapping', input: [5, 5, 2], layer: { type: 'maxpool2d', size: 3, stride: 2 } },
  {
    title: 'maxpool2d with padding, all windows',
    input: [5, 6, 2],
    layer: { type: 'maxpool2d', size: [3, 2], stride: 2, padding: 1, ceil: true },
  },
  {
    title: 'avgpool2d with padding, all windows',
    input: [6, 5, 2],
    layer: { type: 'avgpool2d', size: 3, stride: 2, padding: [1, 0], ceil: true },
  },
  {
    title: 'avgpool2d, padding not counted',
    input: [5, 5, 2],
    layer: { type: 'avgpool2d', size: 3, stride: 2, padding: 1, count_padding: false },
  },
  { title: 'adaptiveavgpool2d, even bins', input: [6, 4, 2], layer: { type: 'adaptiveavgpool2d', size: [3, 2] } },
  {
    title: 'adaptiveavgpool2d, bins that overlap',
    input: [7, 5, 2],
    layer: { type: 'adaptiveavgpool2d', size: [3, 4] },
  },
  { title: 'avgpool2d', input: [5, 4, 2], layer: { type: 'avgpool2d', size: 2 } },
  { title: 'avgpool2d, overlapping', input: [5, 5, 2], layer: { type: 'avgpool2d', size: 3, stride: 1 } },
  { title: 'globalavgpool2d', input: [3, 4, 5], layer: { type: 'globalavgpool2d' } },
  { title: 'meanpool', input: [4, 5], layer: { type: 'meanpool' } },
  { title: 'layernorm', input: [6], layer: { type: 'layernorm', name: 'n' } },
  { title: 'layernorm on tokens', input: [3, 5], layer: { type: 'layernorm', name: 'n', epsilon: 0.1 } },
  { title: 'layernorm without bias', input: [3, 5], layer: { type: 'layernorm', name: 'n', bias: false } },
  { title: 'layernorm without gain and bias', input: [3, 5], layer: { type: 'layernorm', name: 'n', affine: false } },
  { title: 'rmsnorm', input: [3, 5], layer: { type: 'rmsnorm', name: 'n' } },
  { title: 'rmsnorm without gain', input: [6], layer: { type: 'rmsnorm', name: 'n', epsilon: 0.2, affine: false } },
  { title: 'layerscale', input: [3, 5], layer: { type: 'layerscale', name: 's' } },
  {
    title: 'batchnorm without gain and bias',
    input: [2, 3, 4],
    layer: { type: 'batchnorm', name: 'n', affine: false },
  },
  { title: 'groupnorm, 1 group', input: [3, 2, 4], layer: { type: 'groupnorm', name: 'n', groups: 1 } },
  { title: 'groupnorm, 2 groups', input: [3, 2, 4], layer: { type: 'groupnorm', name: 'n', groups: 2 } },
  { title: 'batchnorm, frozen', input: [2, 3, 4], layer: { type: 'batchnorm', name: 'n' } },
  { title: 'batchnorm, training', input: [2, 3, 4], layer: { type: 'batchnorm', name: 'n' }, training: true },
  { title: 'patches', input: [4, 6, 2], layer: { type: 'patches', name: 'p', size: 2, units: 3 } },
  {
    title: 'patches without positions and bias',
    input: [4, 4, 1],
    layer: { type: 'patches', name: 'p', size: 2, units: 3, positions: false, bias: false },
  },
  { title: 'attention', input: [4, 6], layer: { type: 'attention', name: 'a', heads: 2 } },
  { title: 'attention, causal', input: [4, 6], layer: { type: 'attention', name: 'a', heads: 3, causal: true } },
  {
    title: 'attention, packed, causal, heads of their own width',
    input: [4, 5],
    layer: { type: 'attention', name: 'a', heads: 2, head_width: 3, packed: true, bias: true, causal: true },
  },
  {
    // Without the turns a bias of the keys changes nothing: all scores of a token move alike.
    title: 'attention with biases, rotary',
    input: [4, 8],
    layer: { type: 'attention', name: 'a', heads: 2, bias: true, rotary: { base: 50 } },
  },
  {
    title: 'attention, rotary in neighbours, packed without biases',
    input: [3, 8],
    layer: { type: 'attention', name: 'a', heads: 2, packed: true, rotary: { interleaved: true } },
  },
  { title: 'tokens', input: [2, 3, 4], layer: { type: 'tokens' } },
  { title: 'transpose', input: [3, 5], layer: { type: 'transpose' } },
  { title: 'positions', input: [4, 3], layer: { type: 'positions', name: 'p' } },
  { title: 'classtoken', input: [4, 3], layer: { type: 'classtoken', name: 'c' } },
  { title: 'selecttoken, the first', input: [4, 3], layer: { type: 'selecttoken', index: 0 } },
  { title: 'selecttoken, the last but one', input: [4, 3], layer: { type: 'selecttoken', index: -2 } },
  { title: 'padchannels', input: [2, 3, 2], layer: { type: 'padchannels', before: 1, after: 2 } },
  { title: 'padchannels of a vector, after it', input: [3], layer: { type: 'padchannels', after: 2 } },
  { title: 'avgpool2d of single places, every other', input: [5, 4, 2], layer: { type: 'avgpool2d', size: 1, stride: 2 } }, // prettier-ignore
  {
    title: 'residual of four branches, one empty',
    input: [4],
    layer: {
      type: 'residual',
      layers: [{ type: 'dense', name: 'a', units: 4 }],
      branches: [[], [{ type: 'activation', function: 'silu' }]],
    },
  },
  {
    title: 'concat of channels',
    input: [3, 3, 2],
    layer: {
      type: 'concat',
      branches: [
        [{ type: 'conv2d', name: 'a', filters: 3, kernel: [1, 1] }],
        [],
        [
          { type: 'conv2d', name: 'b', filters: 2, kernel: [3, 3], padding: 1 },
          { type: 'activation', function: 'tanh' },
        ],
      ],
    },
  },
  {
    title: 'concat of tokens',
    input: [3, 4],
    layer: {
      type: 'concat',
      axis: 'tokens',
      branches: [[{ type: 'classtoken', name: 'c' }], [{ type: 'dense', name: 'd', units: 4 }]],
    },
  },
  { title: 'dropout, measuring', input: [7], layer: { type: 'dropout', rate: 0.5 } },
  { title: 'dropout, training', input: [7], layer: { type: 'dropout', rate: 0.5 }, training: true },
  {
    title: 'residual',
    input: [5],
    layer: {
      type: 'residual',
      layers: [
        { type: 'layernorm', name: 'n' },
        { type: 'dense', name: 'fc', units: 5 },
        { type: 'activation', function: 'tanh' },
      ],
    },
  },
  {
    title: 'residual with a shortcut, nested',
    input: [4, 4, 2],
    layer: {
      type: 'residual',
      shortcut: [{ type: 'conv2d', name: 's', filters: 3, kernel: [1, 1], stride: 2 }],
      layers: [
        { type: 'residual', layers: [{ type: 'activation', function: 'gelu' }] },
        { type: 'conv2d', name: 'c', filters: 3, kernel: [3, 3], padding: 'same', stride: 2 },
      ],
    },
  },
];

/** Values that serve as a variance too. */
export function positives(count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => 0.5 + (i % 3));
}
