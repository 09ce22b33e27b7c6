/**
 * A forward pass of every layer kind in hyper-dual numbers, written from the model format alone (src/shared/model): plain loops over indices. It shares no code
 * with the network, the backends or the curvature that it is there to check. Samples go through one by one; dropout does nothing and batchnorm uses its
 * running statistics, as in a measurement.
 */
import type { LayerSpec, ModelSpec } from '../../shared/model.ts';
import { activate } from './activations.ts';
import { attend } from './attention.ts';
import { add, constant, inverseRoot, multiply, subtract } from './hyper-dual.ts';
import type { HyperDual } from './hyper-dual.ts';
import { convolve, embedPatches, pool, poolAdaptively } from './images.ts';
import { affine, mean, positions } from './values.ts';
import type { DualWeights, Values } from './values.ts';

/** The network's output for one sample. */
export function forwardOutput(model: ModelSpec, weights: DualWeights, input: readonly number[]): Values {
  return through(model.layers, weights, { shape: model.input, x: input.map(constant) });
}

function through(layers: readonly LayerSpec[], weights: DualWeights, values: Values): Values {
  return layers.reduce((v, layer) => one(layer, weights, v), values);
}

function one(layer: LayerSpec, weights: DualWeights, v: Values): Values {
  const width = v.shape[v.shape.length - 1];
  const rows = v.x.length / width;
  const weight = (role: string): readonly HyperDual[] => weights[`${'name' in layer ? layer.name : ''}.${role}`];
  switch (layer.type) {
    case 'dense': {
      const { units, tied } = layer;
      const kernel =
        tied === undefined
          ? (i: number, k: number): HyperDual => weight('kernel')[i * units + k]
          : (i: number, k: number): HyperDual => weights[`${tied}.kernel`][k * width + i];
      const x = affine(v.x, width, units, kernel, layer.bias ? weight('bias') : null);
      return { shape: [...v.shape.slice(0, -1), units], x };
    }
    case 'activation':
      return { ...v, x: v.x.map((z) => activate(layer, z)) };
    case 'flatten':
      return { shape: [v.x.length], x: v.x };
    case 'tokens':
      return { shape: [rows, width], x: v.x };
    case 'transpose':
      return { shape: [width, rows], x: positions(width, rows, (k, t) => v.x[t * width + k]) };
    case 'dropout':
      return v;
    case 'conv2d':
      return convolve(layer, weights, v);
    case 'maxpool2d':
    case 'avgpool2d':
      return pool(layer, v);
    case 'adaptiveavgpool2d':
      return poolAdaptively(layer, v);
    case 'globalavgpool2d':
    case 'meanpool': {
      const x = Array.from({ length: width }, (_, c) =>
        mean(Array.from({ length: rows }, (_, r) => v.x[r * width + c])),
      );
      return { shape: [width], x };
    }
    case 'layernorm':
    case 'groupnorm': {
      const size = layer.type === 'layernorm' ? width : width / layer.groups;
      // Of a layernorm every position is a group of its own.
      const groupOf = (at: number): number =>
        layer.type === 'layernorm' ? Math.floor(at / width) : Math.floor((at % width) / size);
      const hasGain = layer.affine !== false;
      const hasBias = hasGain && !(layer.type === 'layernorm' && layer.bias === false);
      return scaled(
        normalised(v, layer.epsilon, groupOf, true),
        hasGain ? weight('gain') : null,
        hasBias ? weight('bias') : null,
      );
    }
    case 'rmsnorm': {
      const hat = normalised(v, layer.epsilon, (at) => Math.floor(at / width), false);
      return scaled(hat, layer.affine === false ? null : weight('gain'), null);
    }
    case 'batchnorm': {
      const [m, s] = [weight('running_mean'), weight('running_variance')];
      const x = v.x.map((value, at) => {
        const c = at % width;
        return multiply(subtract(value, m[c]), inverseRoot(add(s[c], constant(layer.epsilon))));
      });
      const isAffine = layer.affine !== false;
      return scaled({ ...v, x }, isAffine ? weight('gain') : null, isAffine ? weight('bias') : null);
    }
    case 'layerscale':
      return scaled(v, weight('gain'), null);
    case 'residual': {
      const ends = [layer.shortcut ?? [], layer.layers, ...(layer.branches ?? [])].map((each) =>
        through(each, weights, v),
      );
      return { ...ends[0], x: ends[0].x.map((_, at) => ends.map(({ x }) => x[at]).reduce(add)) };
    }
    case 'concat': {
      const ends = layer.branches.map((each) => through(each, weights, v));
      const first = ends[0].shape;
      if (layer.axis === 'tokens')
        return {
          shape: [ends.reduce((sum, { shape }) => sum + shape[0], 0), first[1]],
          x: ends.flatMap(({ x }) => x),
        };
      const widths = ends.map(({ shape }) => shape[shape.length - 1]);
      const all = ends[0].x.length / widths[0];
      return {
        shape: [...first.slice(0, -1), widths.reduce((sum, w) => sum + w, 0)],
        x: Array.from({ length: all }, (_, r) =>
          ends.flatMap(({ x }, i) => x.slice(r * widths[i], (r + 1) * widths[i])),
        ).flat(),
      };
    }
    case 'patches':
      return embedPatches(layer, weights, v);
    case 'embedding': {
      const { units } = layer;
      return {
        shape: [v.x.length, units],
        x: positions(v.x.length, units, (t, k) => weight('kernel')[v.x[t].a * units + k]),
      };
    }
    case 'positions':
      return { ...v, x: v.x.map((value, at) => add(value, weight('kernel')[at])) };
    case 'classtoken':
      return { shape: [rows + 1, width], x: [...weight('kernel'), ...v.x] };
    case 'selecttoken': {
      const token = layer.index < 0 ? rows + layer.index : layer.index;
      return { shape: [width], x: v.x.slice(token * width, (token + 1) * width) };
    }
    case 'padchannels': {
      const zeros = (count = 0): HyperDual[] => Array.from({ length: count }, () => constant(0));
      const padded = Array.from({ length: v.x.length / width }, (_, r) => [
        ...zeros(layer.before),
        ...v.x.slice(r * width, (r + 1) * width),
        ...zeros(layer.after),
      ]);
      return { shape: [...v.shape.slice(0, -1), padded[0].length], x: padded.flat() };
    }
    case 'attention':
      return attend(layer, weights, v);
    default:
      layer satisfies never;
      throw new Error('verify: unknown layer');
  }
}

/** Entries of one group to mean 0 (if `centred`) and mean square 1. */
function normalised({ shape, x }: Values, epsilon: number, groupOf: (at: number) => number, centred: boolean): Values {
  const members: number[][] = [];
  for (let at = 0; at < x.length; at++) (members[groupOf(at)] ??= []).push(at);
  const y = new Array<HyperDual>(x.length);
  for (const group of members) {
    const centre = centred ? mean(group.map((at) => x[at])) : constant(0);
    const moved = group.map((at) => subtract(x[at], centre));
    const root = inverseRoot(add(mean(moved.map((each) => multiply(each, each))), constant(epsilon)));
    for (const [i, at] of group.entries()) y[at] = multiply(moved[i], root);
  }
  return { shape, x: y };
}

/** Times the gain, plus the bias, channel by channel; null: none. */
function scaled({ shape, x }: Values, gain: readonly HyperDual[] | null, bias: readonly HyperDual[] | null): Values {
  const width = shape[shape.length - 1];
  const times = gain === null ? x : x.map((value, at) => multiply(value, gain[at % width]));
  return { shape, x: bias === null ? times : times.map((value, at) => add(value, bias[at % width])) };
}
