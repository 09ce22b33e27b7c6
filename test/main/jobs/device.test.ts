/** Which device a job takes: the one that was named or a clear refusal, and under `auto` a card that a probe found; calibration measured once. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CpuBackend } from '../../../src/engine/backend/cpu.ts';
import type { DeviceOutcome, OpenDevice } from '../../../src/engine/backend/tfjs/device.ts';
import { openWasmBlas } from '../../../src/engine/blas/wasm.ts';
import { DeviceSession } from '../../../src/engine/curvature/device/session.ts';
import { Pool } from '../../../src/engine/parallel/pool.ts';
import { loadKernels } from '../../../src/main/blas-module.ts';
import { RateBook } from '../../../src/main/forecast/rates.ts';
import { backendTrainingRate, deviceKey, mayHaveCard, measuringTimes } from '../../../src/main/jobs/calibration.ts';
import { JobDevices } from '../../../src/main/jobs/device.ts';
import type { DeviceFinding } from '../../../src/main/jobs/device.ts';
import type { DeviceReport } from '../../../src/main/jobs/devices.ts';
import type { EngineOptions } from '../../../src/main/jobs/protocol.ts';
import { InputError } from '../../../src/shared/errors.ts';
import type { BackendChoice, DeviceName } from '../../../src/shared/devices.ts';
import { parseExperiment } from '../../../src/shared/experiment.ts';
import { deviceProblems, inputOf } from '../../engine/curvature/device/problems.ts';

const engine = (backend?: BackendChoice): EngineOptions => ({
  blas: 'wasm',
  threads: 1,
  memoryLimit: 0,
  ...(backend && { backend }),
});
const book = (): RateBook => new RateBook('machine', {});
const none = { title: 'it', reason: 'no driver', remedy: 'install one' };

/** A machine on which these devices open; what was asked of it is counted. */
function machine(present: Partial<Record<DeviceName, { isSoftware: boolean }>>, card = true) {
  const asked: string[] = [];
  const closed: string[] = [];
  const finding: DeviceFinding = {
    mayHaveCard: () => card,
    probe: (name): Promise<DeviceReport> => {
      asked.push(`probe ${name}`);
      const found = present[name];
      return Promise.resolve(
        found === undefined ? { name, available: false, ...none } : { name, available: true, title: name, ...found },
      );
    },
    open: (name): Promise<DeviceOutcome> => {
      asked.push(`open ${name}`);
      const found = present[name];
      if (found === undefined) return Promise.resolve({ name, available: false, ...none });
      const device = { name, title: name, ...found, close: () => closed.push(name) };
      return Promise.resolve({ available: true, device: device as unknown as OpenDevice });
    },
  };
  return { finding, asked, closed };
}

describe('the device of a job', () => {
  test('a named one that does not open is refused with reason and remedy', async () => {
    const { finding } = machine({});
    const devices = new JobDevices(engine('webgpu'), () => undefined, finding);
    await expect(devices.open(book())).rejects.toThrow(
      new InputError('it is not available: no driver. To have it: install one'),
    );
    await devices.close();
  });

  test('a named one is opened once, without a probe, and closed; one on the processor says so', async () => {
    const { finding, asked, closed } = machine({ webgpu: { isSoftware: true } });
    const said: string[] = [];
    const devices = new JobDevices(engine('webgpu'), (text) => said.push(text), finding);
    expect((await devices.open(null))?.name).toBe('webgpu');
    expect((await devices.open(book()))?.name).toBe('webgpu');
    await devices.close();
    expect(asked).toEqual(['open webgpu']);
    expect(closed).toEqual(['webgpu']);
    expect(said).toEqual(['webgpu computes on the processor: correct, but slower than --backend cpu']);
  });

  test('the cpu needs none', async () => {
    const { finding, asked } = machine({ cuda: { isSoftware: false } });
    expect(await new JobDevices(engine('cpu'), () => undefined, finding).open(book())).toBeNull();
    expect(asked).toEqual([]);
  });

  test('auto takes the first card that a probe found', async () => {
    const { finding, asked } = machine({ webgpu: { isSoftware: false } });
    const device = await new JobDevices(engine(), () => undefined, finding).open(book());
    expect(device?.name).toBe('webgpu');
    expect(asked).toEqual(['probe cuda', 'probe webgpu', 'open webgpu']);
  });

  test('auto never takes a device on the processor, and looks again a day later', async () => {
    const { finding, asked } = machine({ webgpu: { isSoftware: true }, 'tfjs-node': { isSoftware: true } });
    const first = book();
    expect(await new JobDevices(engine(), () => undefined, finding).open(first)).toBeNull();
    expect(Object.keys(first.measured)).toEqual(['device/cuda', 'device/webgpu']);
    asked.length = 0;
    const known = (absent: number) =>
      new RateBook('m', { m: { 'device/cuda': { absent }, 'device/webgpu': { absent } } });
    await new JobDevices(engine(), () => undefined, finding).open(known(Date.now() - 3600e3));
    expect(asked).toEqual([]);
    await new JobDevices(engine(), () => undefined, finding).open(known(Date.now() - 25 * 3600e3));
    expect(asked).toEqual(['probe cuda', 'probe webgpu']);
  });

  test('auto does not look where there can be no card, nor where nothing is to be measured', async () => {
    const { finding, asked } = machine({ cuda: { isSoftware: false } }, false);
    expect(await new JobDevices(engine(), () => undefined, finding).open(book())).toBeNull();
    const other = machine({ cuda: { isSoftware: false } });
    expect(await new JobDevices(engine(), () => undefined, other.finding).open(null)).toBeNull();
    expect([...asked, ...other.asked]).toEqual([]);
  });

  test('on Linux a card has left a device file', () => {
    expect(mayHaveCard('linux', () => false)).toBe(false);
    expect(mayHaveCard('linux', (file) => file === '/dev/nvidia0')).toBe(true);
    expect(mayHaveCard('darwin', () => false)).toBe(true);
  });
});

describe('calibration', () => {
  let pool: Pool;
  beforeAll(async () => {
    pool = new Pool(await openWasmBlas(loadKernels()), { threads: 1 });
  });
  afterAll(() => pool.close());
  const report = { blas: 'b', path: 'p', kind: 'wasm', threads: 1, cores: 2, processor: 'x' } as const;

  test('keys tell cpu and devices apart', () => {
    const key = deviceKey(report, { name: 'webgpu', title: 'WebGPU (A)' });
    expect(key).not.toBe(deviceKey(report, { name: 'webgpu', title: 'WebGPU (B)' }));
    expect(JSON.parse(key)).toMatchObject({ backend: 'webgpu', blas: 'WebGPU (A)', processor: 'x' });
  });

  test('training is measured once a network and machine', async () => {
    const row = deviceProblems[0];
    const experiment = parseExperiment({
      name: 'e',
      dataset: { source: 'glyphs' },
      model: row.model,
      optimiser: { lr: 0.1 },
      batch_size: 20,
      epochs: 1,
    });
    const data = await inputOf(row, 100);
    const first = book();
    const rate = await backendTrainingRate(first, new CpuBackend(pool.blas, 'float64'), experiment, data);
    expect(rate.step).toBeGreaterThan(0);
    expect(rate.evaluation).toBeGreaterThan(0);
    const again = new RateBook('machine', { machine: first.measured });
    expect(await backendTrainingRate(again, new CpuBackend(pool.blas, 'float64'), experiment, data)).toEqual(rate);
    expect(again.measured).toEqual({});
  });

  test.each([
    ['exact', deviceProblems[0].parameter, 0],
    ['projected', 'c.kernel', 3],
  ] as const)('%s measuring is measured on both, once', async (method, parameter, index) => {
    const input = await inputOf(deviceProblems[index], 100);
    const device = {
      title: 'cpu as a device',
      backend: () => new CpuBackend(pool.blas, 'float64'),
      reopen: () => Promise.reject(new Error('never asked for')),
    };
    const session = new DeviceSession(device, input);
    const books = { device: book(), cpu: book() };
    const times = await measuringTimes(books, session, pool, input, parameter, method);
    expect(times.device).toBeGreaterThan(0);
    expect(times.cpu).toBeGreaterThan(0);
    const known = { m: books.device.measured, n: books.cpu.measured };
    const again = { device: new RateBook('m', known), cpu: new RateBook('n', known) };
    expect(await measuringTimes(again, session, pool, input, parameter, method)).toEqual(times);
    expect([again.device.measured, again.cpu.measured]).toEqual([{}, {}]);
    session.close();
  });
});
