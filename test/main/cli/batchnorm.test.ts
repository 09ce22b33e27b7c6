/** A network with batchnorm and dropout through the command line: forecast, training, a pause, measurements that say how they evaluated it. */
import { writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import type { MeasurementSummary } from '../../../src/shared/results.ts';
import type { RunRecord } from '../../../src/main/store/index.ts';
import { cli, temporaryFolder } from '../../support/cli.ts';

const folder = temporaryFolder();
const file = path.join(folder, 'residual.json');
const conv = (name: string, filters: number, stride = 1) => ({
  type: 'conv2d',
  name,
  filters,
  kernel: [3, 3],
  padding: 'same',
  stride,
});

writeFileSync(
  file,
  JSON.stringify({
    name: 'residual',
    dataset: { source: 'glyphs', train: 120, test: 40 },
    model: {
      input: [28, 28, 1],
      layers: [
        conv('c0', 3, 4),
        { type: 'batchnorm', name: 'b0' },
        { type: 'activation', function: 'relu' },
        { type: 'residual', layers: [conv('c1', 3), { type: 'batchnorm', name: 'b1' }] },
        { type: 'dropout', rate: 0.2 },
        { type: 'avgpool2d', size: 3 },
        { type: 'flatten' },
        { type: 'dense', name: 'head', units: 10 },
      ],
      loss: 'cross-entropy',
    },
    optimiser: { lr: 0.05 },
    batch_size: 20,
    epochs: 2,
    seed: 1,
    measurements: [{ parameters: ['c1.kernel'], samples: 40, top: 4 }],
  }),
);

interface Shown extends RunRecord {
  readonly measurements: readonly { readonly summary: MeasurementSummary }[];
}

test('runs, pauses, resumes to the same end, and says how the layers were evaluated', async () => {
  const engine = ['--blas', 'wasm', '--threads', '1', '--backend', 'cpu'];
  const run = async (store: string, ...args: string[]): Promise<Shown> => {
    const result = await cli(['run', ...args, ...engine, '--store', path.join(folder, store), '--json']);
    expect(result.status, result.stderr).toBe(0);
    return JSON.parse(result.stdout) as Shown;
  };
  const whole = await run('whole', file);
  const paused = await run('parts', file, '--stop-after', '7');
  expect(paused.status).toBe('paused');
  const resumed = await run('parts', '--resume', paused.id);
  const [first, second] = [whole, resumed].map(({ measurements }) => measurements[0].summary);
  expect(second.eigenvalues).toEqual(first.eigenvalues);
  expect(second.gamma).toEqual(first.gamma);
  expect(first.evaluation).toEqual([
    expect.stringMatching(/batchnorm \(b0, b1\).*running statistics/),
    'dropout (1 layer) off while measuring',
  ]);
  const shown = await cli(['show', whole.id, '--store', path.join(folder, 'whole')]);
  expect(shown.stdout).toMatch(/running statistics, held fixed/);
  expect(shown.stdout).toMatch(/dropout \(1 layer\) off while measuring/);
  // A stored run is measured by the statistics of its checkpoint.
  const again = await cli([
    ...['measure', '--run', whole.id, '--parameter', 'c1.kernel', '--samples', '40', '--top', '4'],
    ...[...engine, '--store', path.join(folder, 'whole'), '--json'],
  ]);
  expect(again.status, again.stderr).toBe(0);
  const found = JSON.parse(again.stdout) as MeasurementSummary[] | MeasurementSummary;
  const summary = Array.isArray(found) ? found[0] : found;
  expect(summary.eigenvalues.largest).toBeCloseTo(first.eigenvalues.largest, 6);
});
