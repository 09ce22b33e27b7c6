/** A device that fails in the middle of a training: the run says why, and `covature run --resume` goes on to the very end that an undisturbed run has. */
import { writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { CpuBackend } from '../../../src/engine/backend/cpu.ts';
import { DeviceError } from '../../../src/engine/backend/tfjs/device-error.ts';
import type { OpenDevice } from '../../../src/engine/backend/tfjs/device.ts';
import type { Tensor } from '../../../src/engine/backend/types.ts';
import type { Blas, Real } from '../../../src/engine/blas/types.ts';
import { openWasmBlas } from '../../../src/engine/blas/wasm.ts';
import { readSafetensors } from '../../../src/data/formats/safetensors.ts';
import { loadKernels } from '../../../src/main/blas-module.ts';
import type { DeviceFinding } from '../../../src/main/jobs/device.ts';
import { JobControl } from '../../../src/main/jobs/job-control.ts';
import type { ProcessLauncher } from '../../../src/main/jobs/launcher.ts';
import type { JobCommand } from '../../../src/main/jobs/protocol.ts';
import { runTraining } from '../../../src/main/jobs/train-job.ts';
import { startRun } from '../../../src/main/services/runs.ts';
import { openStore } from '../../../src/main/store/index.ts';
import { parseExperiment } from '../../../src/shared/experiment.ts';
import { messageOf } from '../../../src/shared/errors.ts';
import { cli, temporaryFolder } from '../../support/cli.ts';

const folder = temporaryFolder();
const store = path.join(folder, 'store');
const dense = (name: string, units: number) => ({ type: 'dense', name, units });
const written = {
  name: 'falls',
  dataset: { source: 'glyphs', train: 200, test: 50 },
  model: {
    input: [784],
    loss: 'cross-entropy',
    layers: [dense('fc1', 8), { type: 'activation', function: 'relu' }, dense('fc2', 10)],
  },
  optimiser: { lr: 0.1, momentum: 0.9 },
  batch_size: 20,
  epochs: 4,
  seed: 3,
  // Before it a checkpoint is taken, at step 15 of 40; measured by the cpu, as float64 always is.
  measurements: [{ parameters: ['fc2.bias'], when: { kind: 'epochs', epochs: [1.5] }, precision: 'float64' }],
};

/** The cpu under a device's name, whose reads fail once `isLost`. */
class Card extends CpuBackend {
  isLost = false;

  constructor(blas: Blas) {
    super(blas, 'float32');
  }

  override read(tensor: Tensor): Promise<Real> {
    return this.isLost ? Promise.reject(new DeviceError('lost', 'the driver was reset')) : super.read(tensor);
  }
}

/** Runs the job in this process on such a device, which is lost once the run's measurement is stored. */
function onCard(card: Card): ProcessLauncher {
  const finding: DeviceFinding = {
    mayHaveCard: () => true,
    probe: () => Promise.reject(new Error('never asked for')),
    open: () =>
      Promise.resolve({
        available: true,
        device: {
          name: 'webgpu',
          title: 'a card',
          isSoftware: false,
          backend: () => card,
          close: () => undefined,
        } as unknown as OpenDevice,
      }),
  };
  return {
    launch: (_module, _env, { onMessage, onClose }) => ({
      pid: undefined,
      send: (message) => {
        const command = message as JobCommand;
        if (command.kind !== 'start' || command.request.kind !== 'train') return;
        const control = new JobControl();
        void runTraining(
          command.request,
          control,
          (event) => {
            onMessage(event);
            if (event.kind === 'measurement') card.isLost = true;
          },
          finding,
        )
          .catch((error: unknown) => {
            onMessage({ kind: 'failed', message: messageOf(error), isInput: false, stack: null });
          })
          .then(() => {
            onClose(0, null, '');
          });
      },
      finished: () => undefined,
      kill: () => undefined,
    }),
  };
}

async function lastWeights(name: string): Promise<{ step: number; tensors: Map<string, Real> }> {
  using opened = openStore(store, { readOnly: true });
  const checkpoint = opened.lastCheckpoint(opened.findRun(name).id)!;
  const { tensors } = await readSafetensors(checkpoint.file.path);
  return { step: checkpoint.step, tensors: new Map([...tensors].map(([key, { data }]) => [key, data as Real])) };
}

test('a run that lost its device is resumed to the identical end', async () => {
  const card = new Card(await openWasmBlas(loadKernels()));
  const engine = { blas: 'wasm', threads: 1, memoryLimit: 0, backend: 'webgpu' } as const;
  let id: string;
  {
    using opened = openStore(store);
    const started = startRun(opened, parseExperiment(written), { engine, baseFolder: folder, launcher: onCard(card) });
    id = started.id;
    const end = await started.done;
    const message =
      'a card: the driver was reset; the run can be resumed from its last checkpoint, there or with --backend cpu';
    expect(end).toMatchObject({ kind: 'failed', event: { message } });
    const record = opened.findRun(id);
    expect([record.status, record.error]).toEqual(['failed', message]);
    expect(opened.lastCheckpoint(id)?.step).toBe(15);
  }
  const flags = ['--store', store, '--blas', 'wasm', '--threads', '1', '--backend', 'cpu'];
  const resumed = await cli(['run', '--resume', id, ...flags]);
  expect(resumed.status, resumed.stderr).toBe(0);
  const file = path.join(folder, 'undisturbed.json');
  writeFileSync(file, JSON.stringify({ ...written, name: 'undisturbed' }));
  const other = await cli(['run', file, ...flags]);
  expect(other.status, other.stderr).toBe(0);
  const [found, expected] = [await lastWeights(id), await lastWeights('undisturbed')];
  expect(found.step).toBe(40);
  expect(found).toEqual(expected);
  using opened = openStore(store, { readOnly: true });
  expect(opened.findRun(id).status).toBe('done');
  const of = (name: string) => opened.series(opened.findRun(name).id, { names: ['loss', 'test_loss', 'batch_loss'] });
  expect(of(id)).toEqual(of('undisturbed'));
  const bias = (name: string) => opened.measurements(opened.findRun(name).id).map((each) => each.summary?.trace);
  expect(bias(id)).toHaveLength(1);
  expect(bias(id)).toEqual(bias('undisturbed'));
});
