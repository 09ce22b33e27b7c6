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
  globalavgpool2d: [],
  layernorm: [epsilon],
  groupnorm: [{ key: 'groups', label: 'groups', kind: 'numbers' }, epsilon],
  batchnorm: [{ key: 'momentum', label: 'momentum', kind: 'numbers', otherwise: '0.1' }, epsilon],
  residual: [],
  patches: [
    { key: 'size', label: 'size', kind: 'numbers' },
    units,
    { key: 'positions', label: 'positions', kind: 'flag', otherwise: true },
    bias,
  ],
  attention: [
    { key: 'heads', label: 'heads', kind: 'numbers' },
    { key: 'causal', label: 'causal', kind: 'flag', otherwise: false },
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
  globalavgpool2d: 'Global pooling',
  layernorm: 'Layer norm',
  groupnorm: 'Group norm',
  batchnorm: 'Batch norm',
  residual: 'Residual block',
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
    groupnorm: { groups: 4 },
    patches: { size: 4, units: 32 },
    attention: { heads: 4 },
    dropout: { rate: 0.1 },
    residual: { layers: [{ type: 'activation', function: 'relu' }] },
  };
  return { type: kind, ...named, ...begin[kind] };
}
