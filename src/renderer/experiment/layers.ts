/** What the form shows of each kind of layer, and what a new one begins with. The format itself: src/shared/model.ts. */
import { activationFunctions } from '../../shared/model.ts';
import type { LayerKind } from '../../shared/model.ts';

export interface LayerField {
  readonly key: string;
  readonly label: string;
  /** numbers: one, or several for a sweep; pair: [height, width]; choice: one of `options`; flag: true or false. */
  readonly kind: 'numbers' | 'pair' | 'choice' | 'flag';
  readonly options?: readonly string[];
  /** What holds where it is left out. */
  readonly otherwise?: string | boolean;
}

const bias: LayerField = { key: 'bias', label: 'bias', kind: 'flag', otherwise: true };
const units: LayerField = { key: 'units', label: 'units', kind: 'numbers' };
const epsilon: LayerField = { key: 'epsilon', label: 'ε', kind: 'numbers', otherwise: '1e-5' };
const affine: LayerField = { key: 'affine', label: 'affine', kind: 'flag', otherwise: true };
const pooling: readonly LayerField[] = [
  { key: 'size', label: 'size', kind: 'numbers' },
  { key: 'stride', label: 'stride', kind: 'numbers', otherwise: 'as size' },
];

export const layerFields: Readonly<Record<LayerKind, readonly LayerField[]>> = {
  dense: [units, bias],
  activation: [{ key: 'function', label: 'function', kind: 'choice', options: activationFunctions }],
  flatten: [],
  conv2d: [
    { key: 'filters', label: 'filters', kind: 'numbers' },
    { key: 'kernel', label: 'kernel', kind: 'pair' },
    { key: 'stride', label: 'stride', kind: 'numbers', otherwise: '1' },
    { key: 'padding', label: 'padding', kind: 'choice', options: ['valid', 'same'], otherwise: 'valid' },
    bias,
  ],
  maxpool2d: pooling,
  avgpool2d: pooling,
  adaptiveavgpool2d: [{ key: 'size', label: 'size', kind: 'numbers' }],
  globalavgpool2d: [],
  layernorm: [epsilon, affine],
  rmsnorm: [epsilon, affine],
  groupnorm: [{ key: 'groups', label: 'groups', kind: 'numbers' }, epsilon, affine],
  batchnorm: [{ key: 'momentum', label: 'momentum', kind: 'numbers', otherwise: '0.1' }, epsilon, affine],
  layerscale: [],
  residual: [],
  concat: [{ key: 'axis', label: 'axis', kind: 'choice', options: ['last', 'tokens'], otherwise: 'last' }],
  embedding: [{ key: 'tokens', label: 'tokens', kind: 'numbers' }, units],
  positions: [],
  classtoken: [],
  selecttoken: [{ key: 'index', label: 'token', kind: 'numbers' }],
  tokens: [],
  transpose: [],
  patches: [
    { key: 'size', label: 'size', kind: 'numbers' },
    units,
    { key: 'positions', label: 'positions', kind: 'flag', otherwise: true },
    bias,
  ],
  attention: [
    { key: 'heads', label: 'heads', kind: 'numbers' },
    { key: 'causal', label: 'causal', kind: 'flag', otherwise: false },
    { key: 'bias', label: 'bias', kind: 'flag', otherwise: false },
    { key: 'packed', label: 'packed', kind: 'flag', otherwise: false },
  ],
  meanpool: [],
  dropout: [{ key: 'rate', label: 'rate', kind: 'numbers' }],
};

export const layerWords: Readonly<Record<LayerKind, string>> = {
  dense: 'Dense',
  activation: 'Activation',
  flatten: 'Flatten',
  conv2d: 'Convolution',
  maxpool2d: 'Max pooling',
  avgpool2d: 'Average pooling',
  adaptiveavgpool2d: 'Adaptive average pooling',
  globalavgpool2d: 'Global pooling',
  layernorm: 'Layer norm',
  rmsnorm: 'RMS norm',
  groupnorm: 'Group norm',
  batchnorm: 'Batch norm',
  layerscale: 'Layer scale',
  residual: 'Residual block',
  concat: 'Branches side by side',
  embedding: 'Embedding of tokens',
  positions: 'Learned positions',
  classtoken: 'Class token',
  selecttoken: 'One token',
  tokens: 'Positions as tokens',
  transpose: 'Tokens and width exchanged',
  patches: 'Patches',
  attention: 'Attention',
  meanpool: 'Mean pooling',
  dropout: 'Dropout',
};

/** Name stems of layers that have one. */
const stems: Readonly<Partial<Record<LayerKind, string>>> = {
  dense: 'fc',
  conv2d: 'conv',
  layernorm: 'norm',
  rmsnorm: 'norm',
  layerscale: 'scale',
  embedding: 'embedding',
  positions: 'positions',
  classtoken: 'class',
  groupnorm: 'norm',
  batchnorm: 'norm',
  patches: 'patches',
  attention: 'attention',
};

/** A layer of a kind with a name that is not taken. */
export function newLayer(kind: LayerKind, taken: ReadonlySet<string>): Readonly<Record<string, unknown>> {
  const stem = stems[kind];
  let number = 1;
  while (stem !== undefined && taken.has(`${stem}${number}`)) number++;
  const named = stem === undefined ? {} : { name: `${stem}${number}` };
  const begin: Readonly<Partial<Record<LayerKind, Readonly<Record<string, unknown>>>>> = {
    dense: { units: 50, bias: false },
    activation: { function: 'relu' },
    conv2d: { filters: 8, kernel: [3, 3] },
    maxpool2d: { size: 2 },
    avgpool2d: { size: 2 },
    adaptiveavgpool2d: { size: 2 },
    embedding: { tokens: 64, units: 32 },
    selecttoken: { index: 0 },
    concat: { branches: [[], [{ type: 'activation', function: 'relu' }]] },
    groupnorm: { groups: 4 },
    patches: { size: 4, units: 32 },
    attention: { heads: 4 },
    dropout: { rate: 0.1 },
    residual: { layers: [{ type: 'activation', function: 'relu' }] },
  };
  return { type: kind, ...named, ...begin[kind] };
}
