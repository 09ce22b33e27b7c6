/**
 * Compares a network with what another program computed for the same weights and samples: outputs, losses, the gradient of the first sample, and what every layer gave for
 * it. Errors are relative: the largest difference over the largest number of the array (of zeros: the largest difference).
 */
import { innerChains } from '../../shared/model.ts';
import type { RecordedPass } from '../../shared/model-file.ts';
import type { LayerSpec } from '../../shared/model.ts';
import type { Tensor } from '../backend/types.ts';
import type { Real } from '../blas/types.ts';
import type { Network } from '../network/network.ts';
import type { GradientSink, Layer, Parameter } from '../network/types.ts';
import type { TrainingData } from '../training/trainer.ts';

/** Where two passes first differ. */
export interface Departure {
  /** "layers[3].layers[0]". */
  readonly place: string;
  /** "conv2" of the specification, or its kind. */
  readonly layer: string;
  /** Its name in the other program. */
  readonly module: string;
  readonly error: number;
}

export interface Agreement {
  readonly outputs: number;
  readonly losses: number;
  /** The largest over the parameters, and the parameter. */
  readonly gradients: number;
  readonly parameter: string | null;
  /** The largest of all. */
  readonly error: number;
  /** The first layer whose error is above `tolerance`; null: none is. */
  readonly departs: Departure | null;
  readonly agrees: boolean;
}

/**
 * One forward and one backward pass in the network's precision. Weights are those that the network has. Raises an Error if the arrays are not of
 * the network's sizes.
 */
export async function compareRecorded(
  network: Network,
  data: TrainingData,
  recorded: RecordedPass,
  tolerance: number,
): Promise<Agreement> {
  const { backend, inputSize, targetSize } = network;
  const { samples } = recorded;
  const tensors = (count: number): readonly [Tensor, Tensor] => [
    backend.from(data.inputs.subarray(0, count * inputSize), count, inputSize),
    backend.from(data.targets.subarray(0, count * targetSize), count, targetSize),
  ];
  const { y, l } = backend.scope(() => {
    const [x, t] = tensors(samples);
    const output = network.forward(x);
    return { y: backend.read(output), l: backend.read(network.lossValues(t)) };
  });
  const outputs = relativeError(await y, recorded.outputs);
  const losses = relativeError(await l, recorded.losses);

  const reached = new Map<Layer, Promise<Real>>();
  const sums = new Map<string, Promise<Real>>();
  const ends = observe(network.layers, (layer, output) => reached.set(layer, backend.read(output)));
  const gradientTensors = new Map<Parameter, Tensor>();
  try {
    backend.scope(() => {
      const [x, t] = tensors(1);
      network.forward(x);
      ends();
      network.backward(network.lossGradient(t), collector(network, gradientTensors));
      for (const [parameter, sum] of gradientTensors) sums.set(parameter.name, backend.read(sum));
    });
  } finally {
    ends();
    for (const sum of gradientTensors.values()) backend.release(sum);
  }
  let gradients = 0;
  let parameter: string | null = null;
  const sizes = [...recorded.gradients.values()].map(({ values }) => largest(values));
  const most = Math.max(0, ...sizes);
  for (const [name, expected] of recorded.gradients) {
    const sum = await sums.get(name);
    const { rows, cols } = network.parameter(name);
    // A gradient that is 0 up to rounding (a shift that a normalisation takes out again) has no scale of its own.
    const scale = largest(expected.values);
    const error = spreadError(
      sum ?? new Float64Array(rows * cols),
      expected.values,
      scale > 1e-10 * most ? scale : most,
    );
    // NaN is the largest.
    if (!(error <= gradients)) [gradients, parameter] = [error, name];
  }
  const error = Math.max(outputs, losses, gradients);
  const agrees = error <= tolerance;
  return {
    outputs,
    losses,
    gradients,
    parameter,
    error,
    departs: agrees ? null : await firstDeparture(network, recorded, reached, tolerance),
    agrees,
  };
}

async function firstDeparture(
  network: Network,
  recorded: RecordedPass,
  reached: ReadonlyMap<Layer, Promise<Real>>,
  tolerance: number,
): Promise<Departure | null> {
  const places = new Map<string, readonly [Layer, LayerSpec]>();
  placeChain(network.spec.layers, network.layers, 'layers', places);
  for (const { place, module, values } of recorded.layers) {
    const [layer, spec] = places.get(place) ?? [];
    const output = layer && (await reached.get(layer));
    if (output === undefined || spec === undefined) continue;
    const error = spreadError(output, values);
    if (!(error <= tolerance))
      return { place, layer: 'name' in spec ? `${spec.name} (${spec.type})` : spec.type, module, error };
  }
  return null;
}

/** Layers by their places, those inside of blocks too. */
function placeChain(
  specs: readonly LayerSpec[],
  layers: readonly Layer[],
  place: string,
  found: Map<string, readonly [Layer, LayerSpec]>,
): void {
  specs.forEach((spec, i) => {
    const isRelu = (each: LayerSpec | undefined): boolean => each?.type === 'activation' && each.function === 'relu';
    // The network takes max pooling before relu; the output of relu then never appears, and the output of both comes second.
    if (isRelu(spec) && specs[i + 1]?.type === 'maxpool2d') return;
    const here = `${place}[${i}]`;
    found.set(here, [layers[i], spec]);
    const chains = layers[i].chains?.filter((chain) => chain.length > 0) ?? [];
    const inner = innerChains(spec).filter((chain) => chain.length > 0);
    const names = placesOf(spec, here);
    inner.forEach((chain, j) => {
      placeChain(chain, chains[j], names[j], found);
    });
  });
}

/** Of the chains of a block that have layers, in the order of `innerChains`. */
function placesOf(spec: LayerSpec, here: string): string[] {
  if (spec.type !== 'residual' && spec.type !== 'concat') return [];
  const branches = (spec.branches ?? []).flatMap((chain, i) => (chain.length > 0 ? [`${here}.branches[${i}]`] : []));
  if (spec.type === 'concat') return branches;
  return [...((spec.shortcut ?? []).length > 0 ? [`${here}.shortcut`] : []), `${here}.layers`, ...branches];
}

/** Reports every layer's output in forward passes until the returned function is called. */
function observe(layers: readonly Layer[], tell: (layer: Layer, output: Tensor) => void): () => void {
  const undo: (() => void)[] = [];
  const watch = (layer: Layer): void => {
    const forward = layer.forward.bind(layer);
    layer.forward = (...passed) => {
      const output = forward(...passed);
      tell(layer, output);
      return output;
    };
    // Restores the method of its class.
    undo.push(() => Reflect.deleteProperty(layer, 'forward'));
    for (const chain of layer.chains ?? []) chain.forEach(watch);
  };
  layers.forEach(watch);
  return () => {
    for (const each of undo.splice(0)) each();
  };
}

/** Sums of gradients by parameter; of a parameter with two uses the sum of both. */
function collector(network: Network, kept: Map<Parameter, Tensor>): GradientSink {
  const { backend } = network;
  const add = (parameter: Parameter, gradient: Tensor): void => {
    const known = network.parameter(parameter.name);
    const before = kept.get(known);
    if (before === undefined)
      kept.set(known, backend.keep(backend.add(gradient, backend.zeros(gradient.rows, gradient.cols))));
    else backend.blend(before, 1, gradient, 1);
  };
  return {
    product: (parameter, a, transposeA, b, transposeB) => {
      add(parameter, backend.matmul(a, b, transposeA, transposeB));
    },
    add,
  };
}

/** max |a - b| / size, by default of max |b|; of size 0 max |a - b|. NaN if a holds one. */
function relativeError(found: ArrayLike<number>, expected: ArrayLike<number>, size = largest(expected)): number {
  if (found.length !== expected.length) throw new Error(`expected ${expected.length} numbers, found ${found.length}`);
  let difference = 0;
  for (let i = 0; i < expected.length; i++) {
    const each = Math.abs(found[i] - expected[i]);
    if (!(each <= difference)) difference = each;
  }
  return size > 0 ? difference / size : difference;
}

function largest(values: ArrayLike<number>): number {
  let size = 0;
  for (let i = 0; i < values.length; i++) size = Math.max(size, Math.abs(values[i]));
  return size;
}

/** `relativeError` of every s-th number of `found`, s the smallest that leaves as many as are expected. */
function spreadError(found: Real, expected: Float64Array, size?: number): number {
  const step = Math.max(1, Math.ceil(found.length / mostKept));
  const sampled = Float64Array.from({ length: Math.ceil(found.length / step) }, (_, i) => found[i * step]);
  return sampled.length === expected.length ? relativeError(sampled, expected, size) : Infinity;
}

/** Numbers kept of one array, as covature.py keeps them. */
const mostKept = 4096;
