/** What the form shows for each kind of layer, and the initial values of a new one. The format itself: src/shared/model.ts. */
import { activationFunctions } from '../../shared/model.ts';
import type { LayerKind } from '../../shared/model.ts';

export interface LayerField {
  readonly key: string;
  readonly label: string;
  /** numbers: one, or several for a sweep; pair: [height, width]; choice: one of `options`; flag: true or false. */
  readonly kind: 'numbers' | 'pair' | 'choice' | 'flag';
  readonly options?: readonly string[];
  /** The value if it is left out. */
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

interface LayerForm {
  readonly title: string;
  /** The beginning of the name of a new layer; none if the kind has no name. */
  readonly stem?: string;
  readonly fields: readonly LayerField[];
  /** The initial fields of a new layer; default none. */
  readonly begins?: Readonly<Record<string, unknown>>;
}

export const layerForms: Readonly<Record<LayerKind, LayerForm>> = {
  dense: { title: 'Dense', stem: 'fc', fields: [units, bias], begins: { units: 50, bias: false } },
  activation: {
    title: 'Activation',
    fields: [{ key: 'function', label: 'function', kind: 'choice', options: activationFunctions }],
    begins: { function: 'relu' },
  },
  flatten: { title: 'Flatten', fields: [] },
  conv2d: {
    title: 'Convolution',
    stem: 'conv',
    fields: [
      { key: 'filters', label: 'filters', kind: 'numbers' },
      { key: 'kernel', label: 'kernel', kind: 'pair' },
      { key: 'stride', label: 'stride', kind: 'numbers', otherwise: '1' },
      { key: 'padding', label: 'padding', kind: 'choice', options: ['valid', 'same'], otherwise: 'valid' },
      bias,
    ],
    begins: { filters: 8, kernel: [3, 3] },
  },
  maxpool2d: { title: 'Max pooling', fields: pooling, begins: { size: 2 } },
  avgpool2d: { title: 'Average pooling', fields: pooling, begins: { size: 2 } },
  adaptiveavgpool2d: {
    title: 'Adaptive average pooling',
    fields: [{ key: 'size', label: 'size', kind: 'numbers' }],
    begins: { size: 2 },
  },
  globalavgpool2d: { title: 'Global pooling', fields: [] },
  layernorm: { title: 'Layer norm', stem: 'norm', fields: [epsilon, affine] },
  rmsnorm: { title: 'RMS norm', stem: 'norm', fields: [epsilon, affine] },
  groupnorm: {
    title: 'Group norm',
    stem: 'norm',
    fields: [{ key: 'groups', label: 'groups', kind: 'numbers' }, epsilon, affine],
    begins: { groups: 4 },
  },
  batchnorm: {
    title: 'Batch norm',
    stem: 'norm',
    fields: [{ key: 'momentum', label: 'momentum', kind: 'numbers', otherwise: '0.1' }, epsilon, affine],
  },
  layerscale: { title: 'Layer scale', stem: 'scale', fields: [] },
  residual: { title: 'Residual block', fields: [], begins: { layers: [{ type: 'activation', function: 'relu' }] } },
  concat: {
    title: 'Branches side by side',
    fields: [{ key: 'axis', label: 'axis', kind: 'choice', options: ['last', 'tokens'], otherwise: 'last' }],
    begins: { branches: [[], [{ type: 'activation', function: 'relu' }]] },
  },
  embedding: {
    title: 'Embedding of tokens',
    stem: 'embedding',
    fields: [{ key: 'tokens', label: 'tokens', kind: 'numbers' }, units],
    begins: { tokens: 64, units: 32 },
  },
  positions: { title: 'Learned positions', stem: 'positions', fields: [] },
  classtoken: { title: 'Class token', stem: 'class', fields: [] },
  selecttoken: {
    title: 'One token',
    fields: [{ key: 'index', label: 'token', kind: 'numbers' }],
    begins: { index: 0 },
  },
  padchannels: {
    title: 'Zeros for channels',
    fields: [
      { key: 'before', label: 'before', kind: 'numbers', otherwise: '0' },
      { key: 'after', label: 'after', kind: 'numbers', otherwise: '0' },
    ],
    begins: { after: 1 },
  },
  tokens: { title: 'Positions as tokens', fields: [] },
  transpose: { title: 'Tokens and width exchanged', fields: [] },
  patches: {
    title: 'Patches',
    stem: 'patches',
    fields: [
      { key: 'size', label: 'size', kind: 'numbers' },
      units,
      { key: 'positions', label: 'positions', kind: 'flag', otherwise: true },
      bias,
    ],
    begins: { size: 4, units: 32 },
  },
  attention: {
    title: 'Attention',
    stem: 'attention',
    fields: [
      { key: 'heads', label: 'heads', kind: 'numbers' },
      { key: 'causal', label: 'causal', kind: 'flag', otherwise: false },
      { key: 'bias', label: 'bias', kind: 'flag', otherwise: false },
      { key: 'packed', label: 'packed', kind: 'flag', otherwise: false },
    ],
    begins: { heads: 4 },
  },
  meanpool: { title: 'Mean pooling', fields: [] },
  dropout: { title: 'Dropout', fields: [{ key: 'rate', label: 'rate', kind: 'numbers' }], begins: { rate: 0.1 } },
};

/** A layer of a kind with a name that is not taken. */
export function newLayer(kind: LayerKind, taken: ReadonlySet<string>): Readonly<Record<string, unknown>> {
  const { stem, begins } = layerForms[kind];
  let number = 1;
  while (stem !== undefined && taken.has(`${stem}${number}`)) number++;
  const named = stem === undefined ? {} : { name: `${stem}${number}` };
  return { type: kind, ...named, ...structuredClone(begins) };
}
