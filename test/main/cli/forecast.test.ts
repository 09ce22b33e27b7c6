/** What a run or a measurement will take is said before it starts; what does not fit is refused there. */
import type { JobForecast } from '../../../src/main/forecast/types.ts';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { openStore } from '../../../src/main/store/index.ts';
import { cli, temporaryFolder } from '../../support/cli.ts';

const folder = temporaryFolder();
const store = path.join(folder, 'store');
const engine = ['--blas', 'wasm', '--threads', '1', '--store', store] as const;
const on = { COVATURE_FORECAST: 'on' };

function write(name: string, measurements: readonly unknown[]): string {
  const file = path.join(folder, `${name}.json`);
  const experiment = {
    name,
    dataset: { source: 'glyphs', train: 200, test: 50 },
    model: {
      input: [784],
      layers: [
        { type: 'dense', name: 'fc1', units: 10 },
        { type: 'activation', function: 'relu' },
        { type: 'dense', name: 'fc2', units: 10 },
      ],
      loss: 'cross-entropy',
    },
    optimiser: { lr: 0.1 },
    batch_size: 20,
    epochs: 3,
    measurements,
  };
  writeFileSync(file, JSON.stringify(experiment));
  return file;
}

describe('a forecast', () => {
  const file = write('fits', [
    { parameters: ['fc2.*'], when: { kind: 'epochs', epochs: [0, 1] }, samples: 64 },
    { parameters: ['fc1.kernel'], method: 'projected', top: 4, samples: 32 },
  ]);

  test('says time, memory and disk of every part, starts nothing, and keeps the rates it measured', async () => {
    const result = await cli(['run', file, '--seeds', '1,2', '--forecast', '--json', ...engine], on);
    expect(result.status, result.stderr).toBe(0);
    const { runs, each } = JSON.parse(result.stdout) as { runs: number; each: JobForecast };
    expect(runs).toBe(2);
    expect([each.steps, each.weights]).toEqual([30, 784 * 10 + 10 + 110]);
    expect(each.measurements.map(({ parameter, times, method }) => [parameter, times, method])).toEqual([
      ['fc2.kernel', 2, 'exact'],
      ['fc2.bias', 2, 'exact'],
      ['fc1.kernel', 1, 'projected'],
    ]);
    const { seconds } = each;
    for (const part of [seconds.training, seconds.evaluating, seconds.measuring]) expect(part).toBeGreaterThan(0);
    expect(seconds.total).toBeCloseTo(seconds.training + seconds.evaluating + seconds.measuring, 9);
    expect(each.memory.measuring).toBeGreaterThan(each.memory.training);
    expect(each.disk).toBeGreaterThan(0);
    using opened = openStore(store, { readOnly: true });
    expect(opened.listRuns().total).toBe(0);
    const [[machine, rates]] = Object.entries(opened.allCalibrations());
    expect(JSON.parse(machine)).toMatchObject({ backend: 'cpu', threads: 1 });
    expect(Object.keys(rates).map((name) => name.split('/')[0])).toEqual(
      expect.arrayContaining(['exact', 'projected', 'train']),
    );
  });

  test('counts what is measured besides: density, minibatch noise, duality, assumptions, and half of the samples again', async () => {
    const rich = write('rich', [
      {
        parameters: ['fc2.kernel'],
        samples: 64,
        convergence: 'full',
        duality: true,
        assumptions: true,
        density: { probes: 4, steps: 40 },
        minibatch_noise: { batch_size: 10, batches: 400, directions: 5 },
      },
    ]);
    const result = await cli(['run', rich, '--forecast', '--json', ...engine], on);
    expect(result.status, result.stderr).toBe(0);
    const [extra] = (JSON.parse(result.stdout) as { each: JobForecast }).each.measurements;
    const plain = await cli(['run', file, '--forecast', '--json', ...engine], on);
    const [base] = (JSON.parse(plain.stdout) as { each: JobForecast }).each.measurements;
    expect(extra.seconds).toBeGreaterThan(1.5 * base.seconds);
    expect(extra.memory).toBeGreaterThan(base.memory);
    expect(extra.disk).toBeGreaterThan(base.disk);
    using opened = openStore(store, { readOnly: true });
    const names = Object.values(opened.allCalibrations()).flatMap((rates) => Object.keys(rates));
    expect(names).toEqual(
      expect.arrayContaining([expect.stringMatching(/^minibatch\//), expect.stringMatching(/\/extras$/)]),
    );
  });

  test('is told before a run, which replaces its guesses by what happened', async () => {
    const result = await cli(['run', file, ...engine, '--json'], on);
    expect(result.status, result.stderr).toBe(0);
    expect(result.stderr).toMatch(
      /^forecast: about .+ \(training .+ evaluating .+ measuring .+\), up to .+ of memory \(.+ free\), .+ on disk$/m,
    );
    const { values } = JSON.parse(result.stdout) as { values: Record<string, { value: number }> };
    expect(values['peak_memory'].value).toBeGreaterThan(50e6);
    using opened = openStore(store, { readOnly: true });
    const names = Object.values(opened.allCalibrations()).flatMap((rates) => Object.keys(rates));
    expect(names.filter((name) => name.startsWith('measured/')).length).toBe(3);
  });

  test('refuses what does not fit, with the figures and what would, before the first step', async () => {
    const large = write('large', [{ parameters: ['fc1.kernel'], method: 'exact' }]);
    const result = await cli(['run', large, ...engine], on);
    expect(result.status).toBe(2);
    expect(result.stderr).toMatch(/fc1\.kernel: its 7840 x 7840 matrices take .*GB.* are free.*projected method/);
    using opened = openStore(store, { readOnly: true });
    const [run] = opened.listRuns().rows;
    expect([run.status, run.step]).toEqual(['failed', 0]);
  });
});

test('output that nobody reads on ends quietly', async () => {
  const entry = fileURLToPath(new URL('../../../src/main/cli/index.ts', import.meta.url));
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', entry, '--help'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.destroy();
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const status = await new Promise((resolve) => child.on('close', resolve));
  expect([status, stderr]).toEqual([0, '']);
});
