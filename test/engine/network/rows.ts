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
  ...['relu', 'tanh', 'sigmoid', 'gelu', 'softplus', 'identity'].map((fn) => ({
    title: fn,
    input: [6],
    layer: { type: 'activation', function: fn },
  })),
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
  { title: 'maxpool2d', input: [4, 6, 2], layer: { type: 'maxpool2d', size: 2 } },
  { title: 'maxpool2d, overlapping', input: [5, 5, 2], layer: { type: 'maxpool2d', size: 3, stride: 2 } },
  { title: 'avgpool2d', input: [5, 4, 2], layer: { type: 'avgpool2d', size: 2 } },
  { title: 'avgpool2d, overlapping', input: [5, 5, 2], layer: { type: 'avgpool2d', size: 3, stride: 1 } },
  { title: 'globalavgpool2d', input: [3, 4, 5], layer: { type: 'globalavgpool2d' } },
  { title: 'meanpool', input: [4, 5], layer: { type: 'meanpool' } },
  { title: 'layernorm', input: [6], layer: { type: 'layernorm', name: 'n' } },
  { title: 'layernorm on tokens', input: [3, 5], layer: { type: 'layernorm', name: 'n', epsilon: 0.1 } },
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
