/**
 * Every layer's four maps against central differences of one another in float64: the tangent of forward, the adjointness of backward, and the
 * tangents of backward, with respect to inputs, weights and the derivative from above at once.
 */
import { beforeAll, expect, test } from 'vitest';
import { allLayers, kernelNames, layerKinds } from '../../../src/shared/model.ts';
import { buildChain } from '../../../src/engine/network/build.ts';
import { CpuBackend } from '../../../src/engine/backend/cpu.ts';
import { engines } from '../../support/engines.ts';
import { describeWhere } from '../../support/skips.ts';
import { layerRows, positives } from './rows.ts';
import { centralDifference, dot, gap, layersOf, moved, Subject } from './support.ts';
import type { Maps, Point } from './support.ts';

const samples = 3;

test('there is a row of every kind, and kernelNames lists the kernels that each has', () => {
  const kinds = new Set<string>();
  for (const { layer, input, title } of layerRows) {
    const specs = layersOf([layer], input);
    for (const { type } of allLayers(specs)) kinds.add(type);
    const kernels = buildChain(specs, input, new Map())
      .flatMap(({ parameters }) => parameters.map(({ name }) => name))
      .filter((name) => name.endsWith('.kernel'));
    expect(kernelNames(specs).toSorted(), title).toEqual(kernels.toSorted());
  }
  // Token numbers are no numbers to differentiate by: embeddings are measured against PyTorch (test/torch).
  expect([...kinds, 'embedding'].toSorted()).toEqual(layerKinds.toSorted());
});

for (const engine of engines) {
  describeWhere(engine.available, `the four maps of every layer, ${engine.title}`, () => {
    let backend: CpuBackend;
    beforeAll(async () => {
      backend = new CpuBackend(await engine.open(), 'float64');
    });

    test.each(layerRows)('$title', ({ layer, input, training }) => {
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

    test.each(layerRows)('$title: Gauss-Newton leaves the curvature of the layer out', ({ layer, input, training }) => {
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
