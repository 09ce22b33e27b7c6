/**
 * A network inferred from the shapes of a file of weights, if they determine it: a chain of dense layers, or of convolutions and then dense layers, with normalisation between
 * them. What shapes do not determine (activations, pooling, the size of images) is assumed and named, for a person to check.
 */
import { InputError } from '../shared/errors.ts';
import { isCounter } from './torch-layout.ts';

export interface ProposedModel {
  /** In the model format, as a person would write it. */
  readonly model: Readonly<Record<string, unknown>>;
  /** Names in the file by names of the model. */
  readonly names: Readonly<Record<string, string>>;
  /** What the shapes do not determine, in words. */
  readonly assumed: readonly string[];
}

type Shapes = ReadonlyMap<string, { readonly shape: readonly number[] }>;
type Layer = Readonly<Record<string, unknown>>;

interface Dense {
  readonly kind: 'dense';
  readonly input: number;
  readonly output: number;
}
interface Convolution {
  readonly kind: 'conv';
  readonly input: number;
  readonly output: number;
  readonly kernel: readonly [number, number];
}
interface Norm {
  readonly kind: 'batchnorm' | 'layernorm';
  readonly size: number;
}
type Group = (Dense | Convolution | Norm) & {
  readonly name: string;
  readonly bias: boolean;
  readonly names: Readonly<Record<string, string>>;
};

/** Sides of images that are tried, most usual first. */
const sides = [28, 32, 64, 96, 128, 224] as const;

/** Raises InputError if the shapes leave more than the assumptions open. */
export function proposeModel(places: Shapes): ProposedModel {
  const groups = groupsOf(places);
  const dense = groups.filter((group) => group.kind === 'dense');
  const convolutions = groups.filter((group) => group.kind === 'conv');
  if (dense.length === 0) throw cannot('it holds no dense layer, so the outputs are not known');
  const firstDense = groups.findIndex(({ kind }) => kind === 'dense');
  if (groups.slice(firstDense).some(({ kind }) => kind === 'conv'))
    throw cannot('a convolution comes after a dense layer');
  checkChain(groups);
  const assumed = groups.length === 1 ? [] : ['relu between the layers'];
  const body = convolutions.length === 0 ? null : imageBody(convolutions, dense[0].input);
  if (body !== null) assumed.push(...body.assumed);
  assumed.push('cross-entropy as the loss');
  const layers: Layer[] = [];
  const relu = { type: 'activation', function: 'relu' };
  groups.forEach((group, k) => {
    const next = groups.at(k + 1);
    if (group.kind === 'dense' && k === firstDense && body !== null) layers.push(...body.bridge);
    layers.push(layerOf(group, body?.padding));
    // A normalisation comes before the activation.
    if (next === undefined || next.kind === 'batchnorm' || next.kind === 'layernorm') return;
    layers.push(relu);
    if (body?.pools === true && k < firstDense) layers.push({ type: 'maxpool2d', size: 2 });
  });
  return {
    model: { input: body?.input ?? [dense[0].input], layers, loss: 'cross-entropy' },
    names: Object.assign({}, ...groups.map(({ names }) => names)) as Record<string, string>,
    assumed,
  };
}

function cannot(why: string): InputError {
  return new InputError(
    `the network cannot be inferred from the shapes of its weights: ${why}; give the model as JSON`,
  );
}

function groupsOf(places: Shapes): Group[] {
  const byPrefix = new Map<string, Map<string, readonly number[]>>();
  for (const [name, { shape }] of places) {
    if (isCounter(name)) continue;
    const dot = name.lastIndexOf('.');
    const prefix = name.slice(0, Math.max(0, dot));
    const roles = byPrefix.get(prefix) ?? new Map<string, readonly number[]>();
    byPrefix.set(prefix, roles.set(name.slice(dot + 1), shape));
  }
  const counts = { dense: 0, conv: 0, norm: 0 };
  return [...byPrefix]
    .sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))
    .map(([prefix, roles]) => groupOf(prefix, roles, counts));
}

function groupOf(
  prefix: string,
  roles: ReadonlyMap<string, readonly number[]>,
  counts: { dense: number; conv: number; norm: number },
): Group {
  const isTorch = roles.has('weight');
  const main = isTorch ? 'weight' : roles.has('kernel') ? 'kernel' : 'gain';
  const shape = roles.get(main);
  const known = new Set(['weight', 'kernel', 'gain', 'bias', 'running_mean', 'running_var', 'running_variance']);
  const other = [...roles.keys()].find((role) => !known.has(role));
  if (shape === undefined || other !== undefined)
    throw cannot(`${prefix === '' ? 'a tensor' : prefix} holds ${other ?? [...roles.keys()].join(', ')}`);
  const bias = roles.has('bias');
  /** The file's own name of the layer, if the model may call it so. */
  const called = (stem: string, number: number): string => (/^[A-Za-z]\w*$/.test(prefix) ? prefix : `${stem}${number}`);
  const named = (name: string, own: readonly (readonly [string, string])[]): Readonly<Record<string, string>> =>
    Object.fromEntries(
      own.flatMap(([target, source]) =>
        roles.has(source) ? [[`${name}.${target}`, prefix === '' ? source : `${prefix}.${source}`]] : [],
      ),
    );
  const kernelNames = [
    ['kernel', main],
    ['bias', 'bias'],
  ] as const;
  if (shape.length === 2) {
    const name = called('fc', ++counts.dense);
    const [output, input] = isTorch ? shape : [...shape].reverse();
    return { kind: 'dense', name, bias, input, output, names: named(name, kernelNames) };
  }
  if (shape.length === 4) {
    const name = called('conv', ++counts.conv);
    const [output, input, height, width] = isTorch ? shape : [shape[3], shape[2], shape[0], shape[1]];
    return { kind: 'conv', name, bias, input, output, kernel: [height, width], names: named(name, kernelNames) };
  }
  if (shape.length === 1) {
    const kind = roles.has('running_mean') ? 'batchnorm' : 'layernorm';
    const name = called('norm', ++counts.norm);
    const names = named(name, [
      ['gain', main],
      ['bias', 'bias'],
      ['running_mean', 'running_mean'],
      ['running_variance', isTorch ? 'running_var' : 'running_variance'],
    ]);
    return { kind, name, bias, size: shape[0], names };
  }
  throw cannot(`${prefix}.${main} has ${shape.length} axes`);
}

/** Each layer takes as many numbers (channels) as the one before gives. */
function checkChain(groups: readonly Group[]): void {
  let before: Group | null = null;
  for (const group of groups) {
    const width = before === null ? null : 'output' in before ? before.output : before.size;
    const takes = 'input' in group ? group.input : group.size;
    const flattens = group.kind === 'dense' && before !== null && before.kind !== 'dense';
    const follows = width === null || takes === width || (flattens && takes % width === 0);
    if (!follows)
      throw cannot(
        `${group.name} takes ${takes} numbers, the layer before gives ${width}: the layers do not form a chain`,
      );
    before = group;
  }
}

interface ImageBody {
  readonly input: readonly number[];
  readonly padding: 'valid' | 'same';
  readonly pools: boolean;
  /** Between the convolutions and the first dense layer. */
  readonly bridge: readonly Layer[];
  readonly assumed: readonly string[];
}

/** The first usual image whose size fits the dense layer: with pooling after each convolution or without, padded or not. */
function imageBody(convolutions: readonly Convolution[], features: number): ImageBody {
  const channels = convolutions[convolutions.length - 1].output;
  const depth = convolutions[0].input;
  for (const pools of [true, false]) {
    for (const padding of ['valid', 'same'] as const) {
      for (const side of sides) {
        let [height, width] = [side as number, side as number];
        for (const { kernel } of convolutions) {
          if (padding === 'valid') [height, width] = [height - kernel[0] + 1, width - kernel[1] + 1];
          if (pools) [height, width] = [Math.floor(height / 2), Math.floor(width / 2)];
        }
        if (height < 1 || width < 1 || height * width * channels !== features || height * width === 1) continue;
        return {
          input: [side, side, depth],
          padding,
          pools,
          bridge: [{ type: 'flatten' }],
          assumed: [
            `images of ${side} × ${side}`,
            `${padding === 'same' ? 'padded' : 'unpadded'} convolutions of stride 1`,
            pools ? 'maximum pooling of 2 × 2 after each convolution' : 'no pooling',
          ],
        };
      }
    }
  }
  if (features !== channels) throw cannot(`no usual image gives the ${features} numbers of the first dense layer`);
  return {
    input: [32, 32, depth],
    padding: 'same',
    pools: false,
    bridge: [{ type: 'globalavgpool2d' }],
    assumed: [
      'images of 32 × 32',
      'padded convolutions of stride 1',
      'the mean over all positions before the dense layers',
    ],
  };
}

function layerOf(group: Group, padding: 'valid' | 'same' | undefined): Layer {
  const bias = group.bias ? {} : { bias: false };
  switch (group.kind) {
    case 'dense':
      return { type: 'dense', name: group.name, units: group.output, ...bias };
    case 'conv':
      return {
        type: 'conv2d',
        name: group.name,
        filters: group.output,
        kernel: group.kernel,
        ...(padding === 'same' && { padding }),
        ...bias,
      };
    case 'batchnorm':
    case 'layernorm':
      return { type: group.kind, name: group.name };
    default:
      group satisfies never;
      throw new Error('unknown kind of group');
  }
}
