/** ../shared/reference through `covature measure`, as files on disk: every kernel and bias to 1e-9, native and WebAssembly. */
import { writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { readSafetensors, tensor, writeSafetensors } from '../../../src/data/formats/safetensors.ts';
import type { StoredTensor } from '../../../src/data/formats/safetensors.ts';
import type { MeasurementSummary } from '../../../src/shared/results.ts';
import { cli, temporaryFolder } from '../../support/cli.ts';
import { engines } from '../../support/engines.ts';
import {
  clusterMeans,
  disagreement,
  flat,
  readReference,
  referenceAvailable,
  referenceNames,
} from '../../support/reference.ts';
import type { ReferenceFile } from '../../support/reference.ts';
import { describeWhere } from '../../support/skips.ts';

const folder = temporaryFolder();

for (const engine of engines) {
  const available = referenceAvailable === true ? engine.available : referenceAvailable;
  describeWhere(available, `covature measure against reference values, ${engine.title}`, () => {
    for (const name of referenceNames('mlp-')) {
      test(name, async () => {
        const file = readReference(name);
        const args = await writeInputs(name, file);
        const out = path.join(folder, `${name}-${engine.title}.safetensors`);
        const parameters = file.measurements.flatMap((each) => ['--parameter', each.parameter]);
        const blas = engine.title === 'WebAssembly' ? ['--blas', 'wasm'] : [];
        const result = await cli(['measure', ...args, ...parameters, ...blas, '--out', out, '--json']);
        expect(result.stderr).not.toMatch(/covature measure:/);
        expect(result.status).toBe(0);
        const summaries = JSON.parse(result.stdout) as MeasurementSummary[];
        expect(summaries.map((each) => each.parameter)).toEqual(file.measurements.map((each) => each.parameter));
        for (const [i, reference] of file.measurements.entries()) {
          expect(summaries[i].shape).toEqual(shapeOf(file.weights[reference.parameter]));
          const stored = await readSafetensors(out.replace(/\.safetensors$/, `-${reference.parameter}.safetensors`));
          const array = (key: string): Float64Array => stored.tensors.get(key)?.data as Float64Array;
          for (const key of ['C', 'H', 'Q', 'gauss_newton', 'mean_gradient', 'eigenvalues'] as const) {
            expect(disagreement(array(key), flat(reference[key])), `${reference.parameter} ${key}`).toBeLessThan(1e-9);
          }
          for (const key of ['C_diagonal', 'Q_diagonal'] as const) {
            const means = clusterMeans(reference.eigenvalues, reference[key]);
            expect(
              disagreement(clusterMeans(reference.eigenvalues, array(key)), means),
              `${reference.parameter} ${key}`,
            ).toBeLessThan(1e-9);
          }
        }
      });
    }

    // Rounded weights and inputs, sums of single-precision products: some units of 6e-8; double precision would be 1e-12.
    test.each(referenceNames('mlp-'))('%s in float32', async (name) => {
      const file = readReference(name);
      const args = await writeInputs(name, file);
      const out = path.join(folder, `${name}-${engine.title}-single.safetensors`);
      const reference = file.measurements.find((each) => each.parameter.endsWith('.kernel'))!;
      const blas = engine.title === 'WebAssembly' ? ['--blas', 'wasm'] : [];
      const asked = ['measure', ...args, ...blas, '--parameter', reference.parameter, '--precision', 'float32'];
      const result = await cli([...asked, '--out', out, '--json']);
      expect(result.status, result.stderr).toBe(0);
      const summary = JSON.parse(result.stdout) as MeasurementSummary;
      expect([summary.precision, summary.engine.backend, summary.method]).toEqual(['float32', 'cpu', 'exact']);
      const stored = await readSafetensors(out);
      const array = (key: string): Float64Array => stored.tensors.get(key)?.data as Float64Array;
      for (const key of ['C', 'H', 'Q', 'gauss_newton', 'mean_gradient', 'eigenvalues'] as const) {
        const found = disagreement(array(key), flat(reference[key]));
        expect(found, key).toBeLessThan(5e-6);
        expect(found, key).toBeGreaterThan(1e-10);
      }
      const reached = summary.precision_reached;
      expect([reached?.device, reached?.samples]).toEqual(['cpu', file.inputs.length]);
      for (const key of ['C', 'H', 'Q'] as const) {
        expect(reached?.sums?.[key]).toBeLessThan(5e-6);
        expect(reached?.sums?.[key]).toBeGreaterThan(1e-10);
      }
      const text = await cli(asked);
      expect(text.stdout).toMatch(/, exact, float32$/m);
      expect(text.stdout).toContain('in float32 by cpu: passes, packed sums of C, H and Q by chunks');
      expect(text.stdout).toContain(`precision reached, against float64 on ${file.inputs.length} samples`);
    });

    test('projected, in float32', async () => {
      const [name] = referenceNames('mlp-');
      const file = readReference(name);
      const args = await writeInputs(name, file);
      const reference = file.measurements.find((each) => each.parameter.endsWith('.kernel'))!;
      const out = path.join(folder, `${name}-${engine.title}-projected.safetensors`);
      const blas = engine.title === 'WebAssembly' ? ['--blas', 'wasm'] : [];
      const how = ['--method', 'projected', '--top', '4', '--precision', 'float32', '--out', out, '--json'];
      const result = await cli(['measure', ...args, ...blas, '--parameter', reference.parameter, ...how]);
      expect(result.status, result.stderr).toBe(0);
      const summary = JSON.parse(result.stdout) as MeasurementSummary;
      expect([summary.precision, summary.method]).toEqual(['float32', 'projected']);
      const found = (await readSafetensors(out)).tensors.get('eigenvalues')?.data as Float64Array;
      // A residual of 1e-4 leaves 1e-8 in an eigenvalue; the rest is single precision.
      expect(disagreement(found, reference.eigenvalues.slice(0, 4))).toBeLessThan(5e-6);
      expect(summary.precision_reached?.along?.H).toBeLessThan(5e-6);
      expect(summary.precision_reached?.along?.H).toBeGreaterThan(1e-10);
    });
  });
}

/** model.json, weights and data as safetensors; answers the arguments that name them. */
async function writeInputs(name: string, file: ReferenceFile): Promise<string[]> {
  const at = (part: string): string => path.join(folder, `${name}.${part}`);
  writeFileSync(at('model.json'), JSON.stringify(file.model));
  const weights: Record<string, StoredTensor> = {};
  for (const [key, values] of Object.entries(file.weights)) weights[key] = tensor(flat(values), shapeOf(values));
  await writeSafetensors(at('weights.safetensors'), weights);
  const targets = flat(file.targets);
  const count = file.inputs.length;
  await writeSafetensors(at('data.safetensors'), {
    inputs: tensor(flat(file.inputs), shapeOf(file.inputs)),
    targets:
      targets.length === count
        ? tensor(Int32Array.from(targets), [count])
        : tensor(targets, [count, targets.length / count]),
  });
  return ['--model', at('model.json'), '--weights', at('weights.safetensors'), '--data', at('data.safetensors')];
}

function shapeOf(values: unknown): number[] {
  return Array.isArray(values) ? [values.length, ...shapeOf(values[0])] : [];
}
