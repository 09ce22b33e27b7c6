/** Measurements of which parts are not defined: what can be had is kept, and what cannot is said with what mends it. */
import { writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { encodeSafetensors, tensor } from '../../../src/data/formats/safetensors.ts';
import type { MeasurementSummary } from '../../../src/shared/results.ts';
import { cli, temporaryFolder } from '../../support/cli.ts';

const folder = temporaryFolder();
const at = (name: string): string => path.join(folder, name);
const samples = 24;

beforeAll(() => {
  const model = {
    input: [3],
    loss: 'cross-entropy',
    layers: [
      { type: 'dense', name: 'fc1', units: 4 },
      { type: 'activation', function: 'relu' },
      { type: 'dense', name: 'fc2', units: 2 },
    ],
  };
  writeFileSync(at('model.json'), JSON.stringify(model));
  const file = (name: string, tensors: Parameters<typeof encodeSafetensors>[0]): void => {
    writeFileSync(at(name), Buffer.concat(encodeSafetensors(tensors)));
  };
  const weights = (bias: number) => ({
    'fc1.kernel': tensor(
      Float64Array.from({ length: 12 }, (_, i) => Math.sin(i + 1)),
      [3, 4],
    ),
    'fc1.bias': tensor(new Float64Array(4).fill(bias), [4]),
    'fc2.kernel': tensor(
      Float64Array.from({ length: 8 }, (_, i) => Math.cos(i)),
      [4, 2],
    ),
    'fc2.bias': tensor(Float64Array.of(0.1, -0.1), [2]),
  });
  // No unit ever fires.
  file('dead.safetensors', weights(-100));
  file('alive.safetensors', weights(0));
  // Every unit fires.
  file('open.safetensors', weights(8));
  const inputs = Float64Array.from({ length: 3 * samples }, (_, i) => Math.sin(3 * i));
  const labels = Int32Array.from({ length: samples }, (_, i) => i % 2);
  file('data.safetensors', { inputs: tensor(inputs, [samples, 3]), targets: tensor(labels, [samples]) });
  const same = Float64Array.from({ length: 3 * samples }, (_, i) => 0.3 + (i % 3));
  file('same.safetensors', {
    inputs: tensor(same, [samples, 3]),
    targets: tensor(new Int32Array(samples), [samples]),
  });
});

async function measure(weights: string, data: string, ...more: string[]) {
  const result = await cli(
    ['measure', '--model', at('model.json'), '--weights', at(weights), '--data', at(data), '--parameter', 'fc2.kernel', ...more], // prettier-ignore
    { COVATURE_HOME: at('store') },
  );
  return { ...result, summary: () => JSON.parse(result.stdout) as MeasurementSummary };
}

describe('a layer whose input is 0 for every sample', () => {
  const extras = ['--duality', '--assumptions', '--minibatch-noise', '--batch-size', '8', '--density'];

  test('is measured with every extra; the duality says why it is not defined', async () => {
    const result = await measure('dead.safetensors', 'data.safetensors', ...extras, '--json');
    expect(result.status).toBe(0);
    const summary = result.summary();
    expect(summary.trace).toEqual({ C: 0, H: 0, Q: 0 });
    expect(summary.eigenvalues).toMatchObject({ positive: 0, zero: 8, negative: 0 });
    expect(summary.duality_unavailable).toMatch(/input of fc2\.kernel is 0 for every sample/);
    expect(summary.assumptions).toBeDefined();
    expect(summary.minibatch_noise).toBeDefined();
    expect(summary.density).toBeDefined();
  });

  test('is printed with dashes and the reason, never with numbers of rounding', async () => {
    const { stdout } = await measure('dead.safetensors', 'data.safetensors', ...extras);
    expect(stdout).toContain('cosine (C, H) -, (C, Q) -; commutator ratio of C and H -\n');
    expect(stdout).toContain('tr(CH) = -');
    expect(stdout).toContain('-: C, H and Q are 0 up to rounding');
    expect(stdout).toMatch(/^ +H = G = F +- +- +- /m);
    expect(stdout).toContain('C, H, Q are 0 up to rounding');
    expect(stdout).toContain('C and H nearly commute: inconclusive (C and H are 0 up to rounding)');
    expect(stdout).not.toMatch(/NaN|drifting/);
    // Nothing is said of an interval, a split or a calibration of an exponent that there is not.
    expect(stdout).not.toMatch(/its interval|random split|calibrated/);
    expect(stdout).toContain('Spectral density of H: not defined: H is 0 up to rounding');
  });
});

test('samples that are all the same: C is 0 up to rounding, H is not, and nothing drifts', async () => {
  const { stdout, status } = await measure('open.safetensors', 'same.safetensors');
  expect(status).toBe(0);
  expect(stdout).toMatch(/cosine \(C, H\) -, \(C, Q\) -;/);
  expect(stdout).toMatch(/C is 0 up to rounding \(numerical floors: C \d/);
  expect(stdout).toMatch(/alignment K tr\(CH\) \/ \(2 L \|H\|\^2\) = -,/);
  expect(stdout).toMatch(/g\^T H g = \d\S*, tr\(CH\) = -$/m);
  expect(stdout).toContain('-: C is 0 up to rounding; Q is the square of H up to rounding\n');
  expect(stdout).not.toMatch(/drifting|H is 0/);
  const extras = ['--duality', '--assumptions', '--minibatch-noise', '--batch-size', '8', '--density'];
  const all = await measure('open.safetensors', 'same.safetensors', ...extras);
  expect(all.status).toBe(0);
  expect(all.stdout).toContain('duality: not measured: in none of 2000 pairs of samples drawn does the gradient of fc2.kernel differ'); // prettier-ignore
  expect(all.stdout).toMatch(/^ +Noise of drawn minibatches of 8 .*; -: C is 0 up to rounding$/m);
  // The lowest and the highest eigenvalue of the density, and tr H / d.
  expect(all.stdout).toMatch(/ % +0 +\d\S* +≈ \d\S* ± \d\S* \(measured: \d\S*\)$/m);
});

describe('minibatches larger than the samples', () => {
  test('leave the rest of the measurement, and the option that mends it is named', async () => {
    const result = await measure('alive.safetensors', 'data.safetensors', '--minibatch-noise', '--json');
    expect(result.status).toBe(0);
    const summary = result.summary();
    expect(summary.minibatch_noise).toBeUndefined();
    expect(summary.minibatch_noise_unavailable).toBe(
      'a batch of 50 (epoch) is more than the 24 samples measured; a batch_size (--batch-size) of at most 24, or only sampling with_replacement, would work',
    );
    expect(summary.trace.H).toBeGreaterThan(0);
  });

  test('of all samples have no noise, which is said', async () => {
    const options = ['--minibatch-noise', '--batch-size', String(samples), '--batches', '20'];
    const { stdout } = await measure('alive.safetensors', 'data.safetensors', ...options);
    expect(stdout).toContain('-: a batch of all samples has no noise: 0 is measured, 0 predicted');
    expect(stdout).not.toMatch(/NaN/);
  });
});

test('a projected trace is printed as an estimate with its error', async () => {
  const options = ['--method', 'projected', '--top', '3'];
  const { stdout } = await measure('alive.safetensors', 'data.safetensors', ...options);
  expect(stdout).toMatch(/trace ≈ -?\d\S* ± \d/);
});

test('sums beyond double precision are refused with what is large and what mends it', async () => {
  const inputs = Float64Array.from({ length: 3 * samples }, (_, i) => 1e200 * Math.sin(3 * i));
  writeFileSync(
    at('huge.safetensors'),
    Buffer.concat(
      encodeSafetensors({
        inputs: tensor(inputs, [samples, 3]),
        targets: tensor(Int32Array.from({ length: samples }, (_, i) => i % 2)),
      }),
    ),
  );
  const { status, stderr } = await measure('alive.safetensors', 'huge.safetensors');
  expect(stderr).toMatch(/fc2\.kernel: .*range of double precision.*up to 1\.0e\+200.*"standardise"/);
  expect(status).toBe(2);
});
