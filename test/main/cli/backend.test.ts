/** --backend: a device that is not there is refused with reason and remedy, before anything is trained; the doctor lists all. */
import { mkdirSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { probeDevices } from '../../../src/main/jobs/devices.ts';
import { cli, temporaryFolder } from '../../support/cli.ts';
import { describeWhere } from '../../support/skips.ts';

const folder = temporaryFolder();
const store = path.join(folder, 'store');
const experiment = path.join(folder, 'e.json');
writeFileSync(
  experiment,
  JSON.stringify({
    name: 'e',
    dataset: { source: 'glyphs', train: 60, test: 0 },
    model: { input: [784], loss: 'mse', layers: [{ type: 'dense', name: 'fc', units: 10 }] },
    optimiser: { lr: 0.1 },
    batch_size: 20,
    epochs: 1,
  }),
);

const missing = (await probeDevices()).find((device) => !device.available);

describeWhere(missing === undefined ? 'every device is there' : true, 'a device that is not there', () => {
  test('is refused', async () => {
    const { status, stderr } = await cli([
      'run',
      experiment,
      '--store',
      store,
      '--backend',
      missing?.name ?? '',
      '--blas',
      'wasm',
    ]);
    expect(status).toBe(2);
    expect(stderr).toContain(`${missing?.title} is not available:`);
    expect(stderr).toContain('To have it: ');
  });
});

test.each([
  [['--backend', 'gpu'], '--backend: expected one of auto, cpu, cuda, webgpu, tfjs-node; received "gpu"', {}],
  [
    [],
    'COVATURE_BACKEND: expected one of auto, cpu, cuda, webgpu, tfjs-node; found "gpu"',
    { COVATURE_BACKEND: 'gpu' },
  ],
] as const)('a name that is none: %j', async (args, message, env) => {
  const { status, stderr } = await cli(['run', experiment, '--store', store, ...args], env);
  expect(stderr).toContain(message);
  expect(status).toBe(2);
});

test('the doctor names every device, what failed and what to do', async () => {
  mkdirSync(store, { recursive: true });
  const { stdout } = await cli(['doctor', '--store', path.join(folder, 'none'), '--blas', 'wasm']);
  for (const title of [/CUDA/, /WebGPU/, /^tfjs-node \(libtensorflow|^libtensorflow [\d.]+ \(tfjs-node\)/m])
    expect(stdout).toMatch(title);
  for (const line of stdout.split('\n').filter((each) => each.includes('not available:')))
    expect(line).toMatch(/not available: .{10,}/);
});
