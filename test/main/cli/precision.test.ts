/** The precision of measurements: asked for in an experiment, again of a stored run, and refused where it is none. */
import { writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import type { MeasurementSummary } from '../../../src/shared/results.ts';
import { openStore } from '../../../src/main/store/index.ts';
import { cli, temporaryFolder } from '../../support/cli.ts';

const folder = temporaryFolder();
const store = path.join(folder, 'store');
const engine = ['--blas', 'wasm', '--threads', '1', '--backend', 'cpu', '--store', store] as const;

const write = (precision: string): string => {
  const file = path.join(folder, `${precision}.json`);
  const dense = (name: string, units: number) => ({ type: 'dense', name, units });
  writeFileSync(
    file,
    JSON.stringify({
      name: 'single',
      dataset: { source: 'glyphs', train: 200, test: 0 },
      model: {
        input: [784],
        loss: 'cross-entropy',
        layers: [dense('fc1', 8), { type: 'activation', function: 'tanh' }, dense('fc2', 10)],
      },
      optimiser: { lr: 0.1 },
      batch_size: 20,
      epochs: 1,
      measurements: [{ parameters: ['fc2.kernel'], precision }],
    }),
  );
  return file;
};

const summaries = (): MeasurementSummary[] => {
  using opened = openStore(store, { readOnly: true });
  return opened.measurements(opened.findRun('single').id).map((each) => each.summary!);
};

test('a run measures in float32; measured again in float64 it agrees to what was reached', async () => {
  const run = await cli(['run', write('float32'), ...engine]);
  expect(run.status, run.stderr).toBe(0);
  const again = await cli([
    'measure',
    '--run',
    'single',
    '--parameter',
    'fc2.kernel',
    '--precision',
    'float64',
    ...engine,
  ]);
  expect(again.status, again.stderr).toBe(0);
  const [single, double] = summaries();
  expect([single.precision, single.engine.backend]).toEqual(['float32', 'cpu']);
  expect(single.precision_reached).toMatchObject({ device: 'cpu', samples: 200 });
  expect(double.precision).toBe('float64');
  expect(double.precision_reached).toBeUndefined();
  for (const key of ['C', 'H', 'Q'] as const) {
    expect(Math.abs(single.trace[key] / double.trace[key] - 1)).toBeLessThan(5e-6);
    expect(single.trace[key]).not.toBe(double.trace[key]);
    expect(single.floor[key]).toBeGreaterThan(1e3 * double.floor[key]);
  }
});

test('a precision that is none', async () => {
  const asked = await cli([
    'measure',
    '--run',
    'single',
    '--parameter',
    'fc2.kernel',
    '--precision',
    'half',
    ...engine,
  ]);
  expect(asked.status).toBe(2);
  expect(asked.stderr).toContain('--precision: expected one of float64, float32; received "half"');
  const run = await cli(['run', write('half'), ...engine]);
  expect(run.status).toBe(2);
  expect(run.stderr).toMatch(/measurements\[0\]\.precision.*"half"/s);
});
