/**
 * A device in real worker processes, with a stand-in for @tensorflow/tfjs-node-gpu in them (test/support/cuda-stand-in.ts): a run on it, its resumption there and on
 * another backend, and what becomes of jobs whose device runs out of memory, is lost or is reset.
 */
import { writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { readSafetensors } from '../../../src/data/formats/safetensors.ts';
import { openStore } from '../../../src/main/store/index.ts';
import { cli, temporaryFolder } from '../../support/cli.ts';
import type { CliResult } from '../../support/cli.ts';

const folder = temporaryFolder();
const store = path.join(folder, 'store');
const hooks = new URL('../../support/cuda-stand-in-hooks.ts', import.meta.url).href;
const dense = (name: string, units: number) => ({ type: 'dense', name, units });

/** 12 steps of 20; its measurement is a device's unless it asks for float64. */
const experiment = {
  dataset: { source: 'glyphs', train: 240, test: 0 },
  model: {
    input: [784],
    loss: 'cross-entropy',
    layers: [dense('fc1', 4), { type: 'activation', function: 'tanh' }, dense('fc2', 4), dense('fc3', 10)],
  },
  optimiser: { lr: 0.02, momentum: 0.9 },
  batch_size: 20,
  epochs: 1,
  seed: 3,
};
const measuring = [{ parameters: ['fc2.kernel'], when: { kind: 'end' } }];

function written(name: string, more: object = {}): string {
  const file = path.join(folder, `${name}.json`);
  writeFileSync(file, JSON.stringify({ name, ...experiment, ...more }));
  return file;
}

/** The command line with the stand-in in its workers. */
function run(args: readonly string[], fault = 'none:0', backend = 'cuda'): Promise<CliResult> {
  const flags = ['--store', store, '--blas', 'wasm', '--threads', '1', '--backend', backend];
  return cli([...args, ...flags], { NODE_OPTIONS: `--import ${hooks}`, COVATURE_TEST_FAULT: fault });
}

function found(name: string) {
  using opened = openStore(store, { readOnly: true });
  const record = opened.findRun(name);
  return {
    ...record,
    checkpoint: opened.lastCheckpoint(record.id),
    measured: opened.measurements(record.id),
    logs: opened.logs(record.id).map(({ text }) => text),
  };
}

async function weightsOf(name: string): Promise<Map<string, unknown>> {
  const { tensors } = await readSafetensors(found(name).checkpoint!.file.path);
  return new Map([...tensors].map(([key, { data }]) => [key, data]));
}

test('a run on a device that was paused goes on there to the identical end', async () => {
  const whole = await run(['run', written('whole')]);
  expect(whole.status, whole.stderr).toBe(0);
  expect(JSON.stringify(found('whole').provenance)).toMatch(/CUDA \(tfjs-node-gpu.*\), float32/);
  const first = await run(['run', written('in-parts'), '--stop-after', '5']);
  expect(first.status, first.stderr).toBe(0);
  expect(found('in-parts').checkpoint?.step).toBe(5);
  const second = await run(['run', '--resume', 'in-parts']);
  expect(second.status, second.stderr).toBe(0);
  expect(await weightsOf('in-parts')).toEqual(await weightsOf('whole'));
  expect(found('in-parts').logs.join('\n')).not.toContain('rounds otherwise');
});

test('on another backend it goes on too, close by, and the log says that it did', async () => {
  const first = await run(['run', written('moved'), '--stop-after', '5']);
  expect(first.status, first.stderr).toBe(0);
  const second = await run(['run', '--resume', 'moved'], 'none:0', 'cpu');
  expect(second.status, second.stderr).toBe(0);
  expect(found('moved').logs.join('\n')).toMatch(
    /trained by CUDA \(tfjs-node-gpu.*\), float32 up to step 5, from here by cpu .*: its rounding differs/,
  );
  const [one, other] = [await weightsOf('moved'), await weightsOf('whole')];
  for (const [name, values] of other) {
    const [x, y] = [Array.from(values as Float32Array), Array.from(one.get(name) as Float32Array)];
    const largest = Math.max(...x.map(Math.abs), 1e-3);
    // 12 steps of single precision's rounding.
    expect(Math.max(...x.map((value, i) => Math.abs(value - y[i]))) / largest, name).toBeLessThan(1e-4);
  }
});

test.each([
  ['memory:19', /OOM when allocating tensor with shape\[\d+,\d+\].*a smaller batch_size takes less memory/],
  ['lost:2', /CUDA_ERROR_DEVICE_UNAVAILABLE.*can be resumed from its last checkpoint/],
  ['reset:2', /GPU sync failed.*can be resumed from its last checkpoint/],
])('training, %s: the run fails with the reason and can be resumed', async (fault, reason) => {
  const name = `train-${fault.replace(':', '-')}`;
  const failed = await run(['run', written(name)], fault);
  expect(failed.status).toBe(1);
  expect(failed.stderr).toMatch(reason);
  expect(found(name)).toMatchObject({ status: 'failed' });
  expect(found(name).error).toMatch(reason);
  // One stands for all: the checkpoint does not know why a run ended.
  if (fault !== 'lost:2') return;
  const resumed = await run(['run', '--resume', name]);
  expect(resumed.status, resumed.stderr).toBe(0);
  expect(await weightsOf(name)).toEqual(await weightsOf('whole'));
});

test('measuring: memory that runs out is met with smaller chunks, and the result says so', async () => {
  // Half of the samples make a tensor [120, 4, 10, 1] on the way to S_p.
  const { status, stderr } = await run(['run', written('measured', { measurements: measuring })], 'memory:2500');
  expect(status, stderr).toBe(0);
  const [measurement] = found('measured').measured;
  const { fallbacks } = measurement.summary?.precision_reached ?? {};
  expect(fallbacks).toHaveLength(1);
  expect(fallbacks?.[0]).toMatch(
    /^CUDA \(tfjs-node-gpu.*\): OOM when allocating tensor with shape\[\S+\] and type float(32)?; going on in chunks of 60 samples$/,
  );
  expect(found('measured').logs.join('\n')).toContain(fallbacks?.[0]);
  const own = await run(['measure', '--run', 'measured', '--parameter', 'fc2.kernel'], 'none:0', 'cpu');
  expect(own.status, own.stderr).toBe(0);
  const exact = found('measured').measured.find(({ origin }) => origin !== 'schedule');
  expect(exact?.summary?.precision).toBe('float64');
  for (const key of ['C', 'H', 'Q'] as const)
    expect(measurement.summary!.trace[key] / exact!.summary!.trace[key]).toBeCloseTo(1, 4);
});

test.each([
  ['memory:10', /OOM when allocating .* are the smallest that are tried/],
  ['lost:3', /CUDA_ERROR_DEVICE_UNAVAILABLE.*cannot be opened again in this process/],
  ['reset:3', /GPU sync failed.*cannot be opened again in this process/],
])('measuring, %s: the measurement fails with the reason, and what there was is kept', async (fault, reason) => {
  const before = found('whole');
  const { status, stderr } = await run(['measure', '--run', 'whole', '--parameter', 'fc2.kernel'], fault);
  expect(status).toBe(1);
  expect(stderr).toMatch(reason);
  expect(found('whole').status).toBe('done');
  expect(found('whole').measured.filter(({ state }) => state === 'done')).toEqual(
    before.measured.filter(({ state }) => state === 'done'),
  );
});
