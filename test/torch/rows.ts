/** Small networks that hold every kind of layer and loss with the options that PyTorch has, and the parameter that is measured in each. */
export interface TorchRow {
  readonly title: string;
  readonly model: unknown;
  readonly parameter: string;
}

const act = (fn: string, more: object = {}): unknown => ({ type: 'activation', function: fn, ...more });
const dense = (name: string, units: number, more: object = {}): unknown => ({ type: 'dense', name, units, ...more });
const conv = (name: string, filters: number, kernel: readonly [number, number], more: object = {}): unknown => ({
  type: 'conv2d',
  name,
  filters,
  kernel,
  ...more,
});
const flatten = { type: 'flatten' };

/** Images in front of a classifier. */
const images = (input: readonly number[], layers: readonly unknown[]): unknown => ({
  input,
  layers: [...layers, flatten, dense('head', 3)],
  loss: 'cross-entropy',
});

/** Sequences in front of a classifier. */
const sequence = (layers: readonly unknown[]): unknown => ({
  input: [4, 4],
  layers: [dense('in', 4), ...layers, { type: 'meanpool' }, dense('head', 3)],
  loss: 'cross-entropy',
});

const functions = [
  ['gelu-tanh'],
  ['silu'],
  ['leaky-relu', { slope: 0.3 }],
  ['elu', { alpha: 0.7 }],
  ['selu'],
  ['hardswish'],
  ['hardsigmoid'],
  ['softsign'],
  ['relu6'],
  ['mish'],
  ['gelu'],
  ['softplus'],
] as const;

const vectors = (loss: unknown, outputs = 3): unknown => ({
  input: [4],
  layers: [dense('fc1', 4), act('tanh'), dense('fc2', outputs)],
  loss,
});

/** A language model of one block. */
const text = (loss: unknown, head: unknown): unknown => ({
  input: [4],
  layers: [
    { type: 'embedding', name: 'wte', tokens: 5, units: 4 },
    { type: 'positions', name: 'wpe' },
    {
      type: 'residual',
      layers: [
        { type: 'layernorm', name: 'ln', bias: false },
        { type: 'attention', name: 'attn', heads: 2, causal: true, packed: true, bias: true },
      ],
    },
    head,
  ],
  loss,
});

export const torchRows: readonly TorchRow[] = [
  ...functions.map(([fn, more = {}]) => ({
    title: `${fn} below a dense layer`,
    model: { input: [4], layers: [dense('fc1', 4), act(fn, more), dense('fc2', 3)], loss: 'cross-entropy' },
    parameter: 'fc1.kernel',
  })),
  {
    title: 'conv2d, padding 1, stride 2 (where "same" would pad otherwise)',
    model: images([4, 4, 2], [conv('c', 2, [3, 3], { padding: 1, stride: 2 }), act('tanh')]),
    parameter: 'c.kernel',
  },
  {
    title: 'conv2d, same, stride 2',
    model: images([4, 6, 1], [conv('c', 2, [3, 3], { padding: 'same', stride: 2 }), act('gelu')]),
    parameter: 'c.kernel',
  },
  {
    title: 'conv2d, its own padding on each side, stride, dilation',
    model: images([6, 5, 2], [conv('c', 2, [3, 2], { padding: [[2, 0], [1, 1]], stride: [2, 1], dilation: [1, 2] }), act('silu')]), // prettier-ignore
    parameter: 'c.kernel',
  },
  {
    title: 'conv2d, two groups',
    model: images([4, 4, 4], [conv('c', 4, [2, 2], { groups: 2, padding: [1, 0] }), act('tanh')]),
    parameter: 'c.kernel',
  },
  {
    title: 'conv2d, depthwise, below layernorm and a pointwise convolution (a ConvNeXt block)',
    model: images(
      [4, 4, 3],
      [
        {
          type: 'residual',
          layers: [
            conv('dw', 3, [3, 3], { groups: 3, padding: 1 }),
            { type: 'layernorm', name: 'ln' },
            conv('up', 4, [1, 1]),
            act('gelu'),
            conv('down', 3, [1, 1]),
            { type: 'layerscale', name: 'ls' },
          ],
        },
      ],
    ),
    parameter: 'dw.kernel',
  },
  {
    title: 'layerscale',
    model: images([2, 2, 3], [{ type: 'residual', layers: [conv('c', 3, [1, 1]), act('tanh'), { type: 'layerscale', name: 'ls' }] }]), // prettier-ignore
    parameter: 'ls.gain',
  },
  {
    title: 'a ResNet block: batchnorm, a strided shortcut',
    model: images(
      [4, 4, 2],
      [
        conv('stem', 2, [3, 3], { padding: 1, bias: false }),
        { type: 'batchnorm', name: 'bn0' },
        act('relu'),
        {
          type: 'residual',
          shortcut: [conv('s', 3, [1, 1], { stride: 2, bias: false }), { type: 'batchnorm', name: 'bns' }],
          layers: [
            conv('a', 3, [3, 3], { stride: 2, padding: 1, bias: false }),
            { type: 'batchnorm', name: 'bn1' },
            act('softplus'),
            conv('b', 3, [3, 3], { padding: 1, bias: false }),
            { type: 'batchnorm', name: 'bn2', affine: false },
          ],
        },
        act('relu'),
      ],
    ),
    parameter: 'stem.kernel',
  },
  {
    title: 'maxpool2d with padding and ceil',
    model: images([5, 6, 1], [conv('c', 2, [2, 2], { padding: 1 }), act('tanh'), { type: 'maxpool2d', size: 3, stride: 2, padding: 1, ceil: true }]), // prettier-ignore
    parameter: 'c.kernel',
  },
  {
    title: 'maxpool2d, windows of 3 x 2',
    model: images([6, 4, 1], [conv('c', 2, [2, 2]), act('tanh'), { type: 'maxpool2d', size: [3, 2], stride: [2, 1] }]),
    parameter: 'c.kernel',
  },
  {
    title: 'avgpool2d with padding and ceil, padding counted',
    model: images([6, 5, 1], [conv('c', 2, [2, 2], { padding: 1 }), act('tanh'), { type: 'avgpool2d', size: 3, stride: 2, padding: 1, ceil: true }]), // prettier-ignore
    parameter: 'c.kernel',
  },
  {
    title: 'avgpool2d with padding and ceil, padding not counted',
    model: images([5, 6, 1], [conv('c', 2, [2, 2], { padding: 1 }), act('tanh'), { type: 'avgpool2d', size: [3, 2], stride: 2, padding: [1, 0], ceil: true, count_padding: false }]), // prettier-ignore
    parameter: 'c.kernel',
  },
  {
    title: 'adaptiveavgpool2d, bins that overlap',
    model: images([5, 7, 1], [conv('c', 2, [2, 2], { padding: 1 }), act('tanh'), { type: 'adaptiveavgpool2d', size: [4, 3] }]), // prettier-ignore
    parameter: 'c.kernel',
  },
  {
    title: 'adaptiveavgpool2d, even bins, then globalavgpool2d',
    model: {
      input: [4, 4, 2],
      layers: [conv('c', 2, [1, 1]), act('mish'), { type: 'adaptiveavgpool2d', size: 2 }, { type: 'globalavgpool2d' }, dense('head', 3)], // prettier-ignore
      loss: 'cross-entropy',
    },
    parameter: 'c.kernel',
  },
  {
    title: 'groupnorm without gain and bias',
    model: images([3, 3, 2], [conv('c', 4, [2, 2]), { type: 'groupnorm', name: 'gn', groups: 2, affine: false }, act('silu')]), // prettier-ignore
    parameter: 'c.kernel',
  },
  {
    title: 'attention with biases',
    model: sequence([{ type: 'attention', name: 'attn', heads: 2, bias: true }]),
    parameter: 'attn.query.bias',
  },
  {
    title: 'attention with biases, values',
    model: sequence([{ type: 'attention', name: 'attn', heads: 2, bias: true }]),
    parameter: 'attn.value.kernel',
  },
  {
    title: 'attention, packed, causal, heads of their own width',
    model: sequence([{ type: 'attention', name: 'attn', heads: 2, head_width: 1, packed: true, causal: true }]),
    parameter: 'attn.qkv.kernel',
  },
  {
    title: 'attention, packed with biases',
    model: sequence([{ type: 'attention', name: 'attn', heads: 1, packed: true, bias: true }]),
    parameter: 'attn.qkv.bias',
  },
  {
    title: 'attention, rotary',
    model: sequence([{ type: 'attention', name: 'attn', heads: 1, rotary: { base: 100 }, causal: true }]),
    parameter: 'attn.key.kernel',
  },
  {
    title: 'attention, rotary in neighbours',
    model: sequence([{ type: 'attention', name: 'attn', heads: 2, bias: true, rotary: { interleaved: true } }]),
    parameter: 'attn.key.bias',
  },
  {
    title: 'rmsnorm',
    model: sequence([{ type: 'rmsnorm', name: 'n' }, act('tanh')]),
    parameter: 'n.gain',
  },
  {
    title: 'below rmsnorm without gain',
    model: sequence([{ type: 'rmsnorm', name: 'n', epsilon: 0.01, affine: false }, act('tanh')]),
    parameter: 'in.kernel',
  },
  {
    title: 'below layernorm without gain and bias',
    model: sequence([{ type: 'layernorm', name: 'n', affine: false }, act('tanh')]),
    parameter: 'in.kernel',
  },
  {
    title: 'a ViT block: patches, class token, positions, attention with biases, the first token',
    model: {
      input: [4, 4, 1],
      layers: [
        conv('patch', 4, [2, 2], { stride: 2 }),
        { type: 'tokens' },
        { type: 'classtoken', name: 'cls' },
        { type: 'positions', name: 'pos' },
        {
          type: 'residual',
          layers: [
            { type: 'layernorm', name: 'ln1' },
            { type: 'attention', name: 'attn', heads: 2, bias: true },
          ],
        },
        {
          type: 'residual',
          layers: [{ type: 'layernorm', name: 'ln2' }, dense('up', 5), act('gelu'), dense('down', 4)],
        },
        { type: 'layernorm', name: 'ln' },
        { type: 'selecttoken', index: 0 },
        dense('head', 3),
      ],
      loss: 'cross-entropy',
    },
    parameter: 'cls.kernel',
  },
  {
    title: 'patches with their positions',
    model: {
      input: [4, 6, 2],
      layers: [{ type: 'patches', name: 'p', size: 2, units: 3 }, act('tanh'), { type: 'meanpool' }, dense('head', 3)],
      loss: 'cross-entropy',
    },
    parameter: 'p.kernel',
  },
  {
    title: 'learned positions',
    model: sequence([{ type: 'positions', name: 'pos' }, act('tanh'), { type: 'selecttoken', index: -1 }, { type: 'flatten' }].slice(0, 2)), // prettier-ignore
    parameter: 'pos.kernel',
  },
  {
    title: 'an MLP-Mixer block: tokens and width exchanged',
    model: sequence([
      {
        type: 'residual',
        layers: [{ type: 'layernorm', name: 'ln' }, { type: 'transpose' }, dense('t1', 3), act('gelu'), dense('t2', 4), { type: 'transpose' }], // prettier-ignore
      },
    ]),
    parameter: 't1.kernel',
  },
  {
    title: 'residual of four branches',
    model: {
      input: [4],
      layers: [
        {
          type: 'residual',
          layers: [dense('a', 4), act('tanh')],
          branches: [[dense('b', 4), act('silu')], []],
        },
        act('gelu'),
        dense('head', 3),
      ],
      loss: 'cross-entropy',
    },
    parameter: 'b.kernel',
  },
  {
    title: 'a shortcut of every other place and zeros for channels (a residual network on CIFAR-10, option A)',
    model: images(
      [4, 4, 2],
      [
        conv('stem', 2, [3, 3], { padding: 1 }),
        act('tanh'),
        {
          type: 'residual',
          layers: [conv('c', 4, [3, 3], { stride: 2, padding: 1 }), act('tanh')],
          shortcut: [
            { type: 'avgpool2d', size: 1, stride: 2 },
            { type: 'padchannels', before: 1, after: 1 },
          ],
        },
        act('gelu'),
      ],
    ),
    parameter: 'stem.kernel',
  },
  {
    title: 'concat of channels',
    model: images([3, 3, 2], [{ type: 'concat', branches: [[conv('a', 2, [1, 1])], [conv('b', 2, [3, 3], { padding: 1 }), act('tanh')], []] }, act('silu')]), // prettier-ignore
    parameter: 'b.kernel',
  },
  {
    title: 'concat of tokens',
    model: sequence([
      {
        type: 'concat',
        axis: 'tokens',
        branches: [
          [{ type: 'classtoken', name: 'cls' }, act('tanh')],
          [dense('d', 4), act('silu')],
        ],
      },
    ]),
    parameter: 'd.kernel',
  },
  {
    title: 'token embedding below attention, cross-entropy over every token, -100 among the targets',
    model: text('cross-entropy', dense('head', 3)),
    parameter: 'wte.kernel',
  },
  {
    title: 'token embedding tied to the head: both uses counted',
    model: text('cross-entropy', dense('head', 5, { tied: 'wte', bias: false })),
    parameter: 'wte.kernel',
  },
  {
    title: 'a sequence under label smoothing and class weights',
    model: text({ type: 'cross-entropy', label_smoothing: 0.2, class_weights: [1, 0.5, 2, 3, 0.1] }, dense('head', 5, { tied: 'wte' })), // prettier-ignore
    parameter: 'attn.output.kernel',
  },
  {
    title: 'soft targets',
    model: vectors('cross-entropy'),
    parameter: 'fc1.kernel',
  },
  {
    title: 'label smoothing',
    model: vectors({ type: 'cross-entropy', label_smoothing: 0.15 }),
    parameter: 'fc1.kernel',
  },
  {
    title: 'class weights and label smoothing',
    model: vectors({ type: 'cross-entropy', label_smoothing: 0.1, class_weights: [0.3, 2, 1.2] }),
    parameter: 'fc2.kernel',
  },
  {
    title: 'binary cross-entropy of one output',
    model: vectors('binary-cross-entropy', 1),
    parameter: 'fc1.kernel',
  },
  {
    title: 'binary cross-entropy of three outputs',
    model: vectors('binary-cross-entropy'),
    parameter: 'fc1.kernel',
  },
  {
    title: 'binary cross-entropy, mean over outputs',
    model: vectors({ type: 'binary-cross-entropy', mean_over_outputs: true }),
    parameter: 'fc2.kernel',
  },
  {
    title: 'mean squared error by this project: the sum of squares, halved',
    model: vectors('mse'),
    parameter: 'fc1.kernel',
  },
  {
    title: 'mean squared error by PyTorch: the mean over the outputs',
    model: vectors({ type: 'mse', mean_over_outputs: true }),
    parameter: 'fc1.kernel',
  },
  {
    title: 'mean squared error of a sequence, mean over all its numbers',
    model: { input: [3, 4], layers: [dense('a', 3), act('tanh'), dense('b', 2)], loss: { type: 'mse', mean_over_outputs: true } }, // prettier-ignore
    parameter: 'a.kernel',
  },
];
