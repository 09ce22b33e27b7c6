/**
 * The device's way of measuring on the cpu backend in float64, where it must agree with the cpu's own way to rounding: another route to the same numbers. And
 * what becomes of a device that fails.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CpuBackend } from '../../../../src/engine/backend/cpu.ts';
import { DeviceError } from '../../../../src/engine/backend/tfjs/device-error.ts';
import type { Backend, Tensor } from '../../../../src/engine/backend/types.ts';
import { openWasmBlas } from '../../../../src/engine/blas/wasm.ts';
import type { Real } from '../../../../src/engine/blas/types.ts';
import { assumptionFactorsTask } from '../../../../src/engine/curvature/assumptions/factors.ts';
import { deviceAssumptionSum } from '../../../../src/engine/curvature/device/assumptions.ts';
import { DeviceSession } from '../../../../src/engine/curvature/device/session.ts';
import type { ComputeDevice } from '../../../../src/engine/curvature/device/session.ts';
import { factorLayout, openProblemTask } from '../../../../src/engine/curvature/factors.ts';
import { packedSum, splitHalves } from '../../../../src/engine/curvature/moments.ts';
import { Network } from '../../../../src/engine/network/network.ts';
import { measureExact } from '../../../../src/engine/curvature/exact.ts';
import { measureProjected } from '../../../../src/engine/curvature/projected/measure.ts';
import { Pool } from '../../../../src/engine/parallel/pool.ts';
import { loadKernels } from '../../../../src/main/blas-module.ts';
import { gap } from '../../network/support.ts';
import { expectSameAssumptions } from './assumptions.ts';
import { deviceProblems, inputOf } from './problems.ts';

const arrays = ['C', 'H', 'Q', 'gauss_newton', 'mean_gradient', 'eigenvalues', 'cross_fitted_C_diagonal'] as const;

let pool: Pool;
beforeAll(async () => {
  pool = new Pool(await openWasmBlas(loadKernels()), { threads: 1 });
});
afterAll(() => pool.close());

const steady = (): ComputeDevice => ({
  title: 'cpu as a device',
  backend: () => new CpuBackend(pool.blas, 'float64'),
  reopen: () => Promise.reject(new Error('never asked for')),
});

describe('moments and projections from a device', () => {
  test.each(deviceProblems)('$title', async (row) => {
    const input = await inputOf(row, 300);
    const options = { parameter: row.parameter, seed: 4, libraryThreads: 1 };
    const own = await measureExact(pool, input, options);
    const device = new DeviceSession(steady(), input, { chunk: 70 });
    const other = await measureExact(pool, input, { ...options, device });
    device.close();
    for (const name of arrays) expect(gap(other.arrays[name], own.arrays[name]), name).toBeLessThan(1e-11);
    expect(other.summary.loss).toBeCloseTo(own.summary.loss, 12);
    expect(other.summary.accuracy).toBe(own.summary.accuracy);
    const slope = other.summary.gamma.training_set[3].gamma;
    const expected = own.summary.gamma.training_set[3].gamma;
    if (expected.interval?.ols !== undefined)
      expect(gap(slope.interval?.ols ?? [], expected.interval.ols)).toBeLessThan(1e-6);
    const reached = other.summary.precision_reached;
    expect(reached?.samples).toBe(256);
    for (const key of ['C', 'H', 'Q'] as const) {
      expect(reached?.sums?.[key]).toBeLessThan(1e-13);
      expect(reached?.along?.[key]).toBeLessThan(1e-9);
    }
    expect(reached?.along?.directions).toBeGreaterThan(0);
    expect(other.summary.precision).toBe('float32');
    own.release();
    other.release();
  });
});

describe('Hessian-vector products from a device', () => {
  test.each([
    { ...deviceProblems[3], parameter: 'c.kernel', title: 'a convolution' },
    { ...deviceProblems[2], parameter: 'network', title: 'a whole network' },
  ])('$title', async (row) => {
    const input = await inputOf(row, 300);
    const options = { parameter: row.parameter, seed: 4, top: 6 };
    const own = await measureProjected(pool, input, options);
    const device = new DeviceSession(steady(), input, { chunk: 70 });
    const other = await measureProjected(pool, input, { ...options, device });
    device.close();
    for (const name of ['eigenvalues', 'C_diagonal', 'Q_diagonal', 'cross_fitted_C_diagonal'] as const)
      expect(gap(other.arrays[name], own.arrays[name]), name).toBeLessThan(1e-8);
    expect(other.summary.projected?.passes).toBeCloseTo(own.summary.projected?.passes ?? 0, 9);
    expect(other.summary.precision_reached?.along?.H).toBeLessThan(1e-12);
    expect(own.summary.precision_reached).toBeUndefined();
  });
});

describe('the old assumption from a device', () => {
  test.each(deviceProblems)('exact: $title', async (row) => {
    const input = await inputOf(row, 300);
    const options = { parameter: row.parameter, seed: 4, libraryThreads: 1, assumptions: true };
    const own = await measureExact(pool, input, options);
    const device = new DeviceSession(steady(), input, { chunk: 70 });
    const other = await measureExact(pool, input, { ...options, device });
    device.close();
    expectSameAssumptions(other, own, 1e-10, 1e-7);
    own.release();
    other.release();
  });

  test.each([
    { ...deviceProblems[3], parameter: 'c.kernel', title: 'a convolution' },
    { ...deviceProblems[2], parameter: 'network', title: 'a whole network' },
  ])('projected: $title', async (row) => {
    const input = await inputOf(row, 300);
    const options = { parameter: row.parameter, seed: 4, top: 6, assumptions: true };
    const own = await measureProjected(pool, input, options);
    const device = new DeviceSession(steady(), input, { chunk: 70 });
    const other = await measureProjected(pool, input, { ...options, device });
    device.close();
    expectSameAssumptions(other, own, 1e-7, 1e-5);
  });

  // Each half has 150 samples: chunks of all of it, of one less and one more, and such as leave one sample over.
  test('is the same wherever chunks end', async () => {
    const row = deviceProblems[1];
    const input = await inputOf(row, 300);
    const layout = factorLayout(new Network(input.model, new CpuBackend(pool.blas, 'float64')), row.parameter);
    if (typeof layout === 'string') throw new Error(layout);
    const { order, sizeA } = splitHalves(300, 4);
    await pool.runEverywhere(openProblemTask, input);
    const blocks = ['F', 'G'] as const;
    const widths = { leftWidth: layout.leftWidth, rightWidth: 2 * layout.blockWidth };
    // A layout of three blocks has both F and G summed.
    const both = { ...layout, blocks: 3 } as const;
    const expected = await packedSum(pool, widths, [sizeA, 300], (piece) =>
      pool.run(assumptionFactorsTask, { layout: both, order, ...piece }),
    );
    for (const chunk of [32, 37, 149, 150, 151]) {
      const device = new DeviceSession(steady(), input, { chunk });
      const found = await deviceAssumptionSum(device, pool, { layout: both, order, blocks }, [sizeA, 300]);
      device.close();
      expect(gap(found, expected), `chunks of ${chunk}`).toBeLessThan(1e-12);
    }
  });
});

/** Reads fail while `fails` says so. */
class FailingBackend extends CpuBackend {
  readonly #fails: (tensor: Tensor) => DeviceError | null;

  constructor(fails: (tensor: Tensor) => DeviceError | null) {
    super(pool.blas, 'float64');
    this.#fails = fails;
  }

  override read(tensor: Tensor): Promise<Real> {
    const error = this.#fails(tensor);
    return error === null ? super.read(tensor) : Promise.reject(error);
  }
}

describe('a device that fails', () => {
  const row = deviceProblems[0];
  const options = { parameter: row.parameter, seed: 4, libraryThreads: 1, intervals: false };

  /** A device on which chunks of more than `most` samples fail, `title` times opened. */
  const limited = (most: number, fault: 'memory' | 'lost'): ComputeDevice & { opened: () => number } => {
    let opened = 1;
    const device = {
      title: 'a small card',
      opened: () => opened,
      backend: (): Backend =>
        new FailingBackend((tensor) =>
          tensor.rows > most ? new DeviceError(fault, `${tensor.rows} rows are too many`) : null,
        ),
      reopen: (): Promise<ComputeDevice> => {
        opened++;
        return Promise.resolve(device);
      },
    };
    return device;
  };

  test.each(['memory', 'lost'] as const)('%s: the work goes on in smaller chunks and ends the same', async (fault) => {
    const input = await inputOf(row, 1000);
    const expected = await measureExact(pool, input, options);
    const said: string[] = [];
    const card = limited(100, fault);
    const device = new DeviceSession(card, input, { chunk: 400, onFallback: (message) => said.push(message) });
    const found = await measureExact(pool, input, { ...options, device });
    for (const name of arrays) expect(gap(found.arrays[name], expected.arrays[name]), name).toBeLessThan(1e-11);
    expect(found.summary.loss).toBeCloseTo(expected.summary.loss, 12);
    expect(device.chunk).toBe(100);
    expect(card.opened()).toBe(3);
    expect(said).toEqual([
      'a small card: 400 rows are too many; going on in chunks of 200 samples',
      'a small card: 200 rows are too many; going on in chunks of 100 samples',
    ]);
    expect(found.summary.precision_reached?.fallbacks).toEqual(said);
    expected.release();
    found.release();
  });

  test('fails with the reason once chunks cannot be smaller', async () => {
    const input = await inputOf(row, 300);
    const device = new DeviceSession(limited(10, 'memory'), input, { chunk: 200 });
    await expect(measureExact(pool, input, { ...options, device })).rejects.toThrow(
      'a small card: 37 rows are too many; chunks of 37 samples are the smallest that are tried',
    );
  });

  test('fails with both reasons where the device does not open again', async () => {
    const input = await inputOf(row, 300);
    const card = { ...limited(100, 'lost'), reopen: () => Promise.reject(new Error('no such device')) };
    const device = new DeviceSession(card, input, { chunk: 150 });
    await expect(measureExact(pool, input, { ...options, device })).rejects.toThrow(
      'a small card: 150 rows are too many; it could not be opened again: no such device',
    );
  });

  test("an error that is not the device's is not tried again", async () => {
    const input = await inputOf(row, 300);
    const card: ComputeDevice = {
      title: 'a small card',
      backend: () =>
        new FailingBackend(() => {
          throw new Error('a fault of the program');
        }),
      reopen: () => Promise.reject(new Error('never asked for')),
    };
    await expect(measureExact(pool, input, { ...options, device: new DeviceSession(card, input) })).rejects.toThrow(
      'a fault of the program',
    );
  });
});
