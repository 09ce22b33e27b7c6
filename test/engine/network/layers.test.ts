/**
 * Every layer's four maps against central differences of one another in float64: the tangent of forward, the adjointness of backward, and the
 * tangents of backward, with respect to inputs, weights and the derivative from above at once.
 */
import { beforeAll, expect, test } from 'vitest';
import { CpuBackend } from '../../../src/engine/backend/cpu.ts';
import { engines } from '../../support/engines.ts';
import { describeWhere } from '../../support/skips.ts';
import { centralDifference, dot, gap, moved, Subject } from './support.ts';
import type { Maps, Point } from './support.ts';

interface Row {
  readonly title: string;
  readonly input: readonly number[];
  readonly layer: unknown;
  readonly training?: true;
}

const rows: readonly Row[] = [
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

const samples = 3;

for (const engine of engines) {
  describeWhere(engine.available, `the four maps of every layer, ${engine.title}`, () => {
    let backend: CpuBackend;
    beforeAll(async () => {
      backend = new CpuBackend(await engine.open(), 'float64');
    });

    test.each(rows)('$title', ({ layer, input, training }) => {
      const subject = new Subject(backend, layer, input, samples);
      subject.set(new Map(subject.all.map(({ name, rows: r, cols }) => [name, positives(r * cols)])));
      const pass = training === true ? { seed: 1, step: 2 } : undefined;
      const point = subject.random(11);
      const along = subject.random(31);
      const options = pass === undefined ? {} : { training: pass };
      const tangents = subject.tangents(point, along, options);
      const difference = (pick: (maps: Maps) => Float64Array): Float64Array =>
        centralDifference((t) => pick(subject.maps(moved(point, along, t), pass)), 1e-4);
      expect(
        gap(
          tangents.y,
          difference((maps) => maps.y),
        ),
        'y',
      ).toBeLessThan(1e-9);
      expect(
        gap(
          tangents.dx,
          difference((maps) => maps.dx),
        ),
        'dx',
      ).toBeLessThan(1e-8);
      for (const { name } of subject.layer.parameters) {
        const expected = difference((maps) => maps.gradients.get(name) ?? new Float64Array());
        expect(gap(tangents.gradients.get(name) ?? [], expected), name).toBeLessThan(1e-8);
      }
      const maps = subject.maps(point, pass);
      // <dy, J (x', W')> = <J^T dy, (x', W')>
      let pulled = dot(maps.dx, along.x);
      for (const [name, gradient] of maps.gradients) pulled += dot(gradient, along.weights.get(name) ?? []);
      expect(pulled).toBeCloseTo(dot(point.dy, tangents.y), 9);
    });

    test.each(rows)('$title: Gauss-Newton leaves the curvature of the layer out', ({ layer, input, training }) => {
      const subject = new Subject(backend, layer, input, samples);
      subject.set(new Map(subject.all.map(({ name, rows: r, cols }) => [name, positives(r * cols)])));
      const pass = training === true ? { seed: 1, step: 2 } : undefined;
      const point = subject.random(11);
      const along = subject.random(31);
      const tangents = subject.tangents(point, along, { gaussNewton: true, ...(pass && { training: pass }) });
      const straight: Point = { ...point, dy: along.dy };
      const maps = subject.maps(straight, pass);
      expect(gap(tangents.dx, maps.dx)).toBeLessThan(1e-12);
      for (const [name, gradient] of maps.gradients)
        expect(gap(tangents.gradients.get(name) ?? [], gradient), name).toBeLessThan(1e-12);
    });
  });
}

/** Values that serve as a variance too. */
function positives(count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => 0.5 + (i % 3));
}
