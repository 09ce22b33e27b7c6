/**
 * The numeric suite of a TensorFlow.js device: every operation and every layer's four maps against the cpu backend in float64, which central
 * differences and reference values hold (test/engine/network, test/reference).
 *
 * Tolerances: single precision rounds to 2^-24 = 6e-8. Sums here have at most some hundred terms of either sign, so products and reductions are held to
 * 5e-6 of the largest value. WGSL allows exp, log and the like 3 to 4 units in the last place and more for large arguments, tanh 1e-5 absolutely, and
 * the library's erf is a fit with an error of 1.5e-7; layers chain ten such steps: 5e-5.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CpuBackend, dataOf } from '../../../src/engine/backend/cpu.ts';
import type { TfjsBackend } from '../../../src/engine/backend/tfjs/backend.ts';
import type { OpenDevice } from '../../../src/engine/backend/tfjs/device.ts';
import type { Backend, Tensor, Window2d } from '../../../src/engine/backend/types.ts';
import { openWasmBlas } from '../../../src/engine/blas/wasm.ts';
import { activationFunctions } from '../../../src/shared/model.ts';
import { loadKernels } from '../../../src/main/blas-module.ts';
import type { DeviceUnderTest } from '../../support/devices.ts';
import { describeWhere } from '../../support/skips.ts';
import { gap, normals } from '../network/support.ts';
import { layerRows } from '../network/rows.ts';
import { mapsOn } from './maps.ts';

const tolerance = 5e-6;
const layerTolerance = 5e-5;

type Operation = (backend: Backend, m: (rows: number, cols: number, seed?: number) => Tensor) => Tensor;

const window: Window2d = {
  height: 5,
  width: 4,
  channels: 3,
  kernelHeight: 3,
  kernelWidth: 2,
  strideY: 2,
  strideX: 2,
  dilationY: 1,
  dilationX: 1,
  padTop: 0,
  padLeft: 0,
  outHeight: 2,
  outWidth: 2,
};
const spaced: Window2d = { ...window, dilationX: 2, padTop: 2, padLeft: 1, strideX: 1, outHeight: 3, outWidth: 4 };
const padded: Window2d = { ...window, padTop: 1, padLeft: 1, strideY: 1, strideX: 1, outHeight: 5, outWidth: 5 };

const operations: Record<string, Operation> = {
  'a b': (b, m) => b.matmul(m(7, 5), m(5, 4)),
  'a^T b': (b, m) => b.matmul(m(5, 7), m(5, 4), true),
  'a b^T': (b, m) => b.matmul(m(7, 5), m(4, 5), false, true),
  'a^T b^T': (b, m) => b.matmul(m(5, 7), m(4, 5), true, true),
  affine: (b, m) => b.affine(m(7, 5), m(5, 4), m(1, 4)),
  'affine without bias': (b, m) => b.affine(m(7, 5), m(5, 4), null),
  add: (b, m) => b.add(m(3, 5), m(3, 5, 2)),
  subtract: (b, m) => b.subtract(m(3, 5), m(3, 5, 2)),
  multiply: (b, m) => b.multiply(m(3, 5), m(3, 5, 2)),
  multiplyAdd: (b, m) => b.multiplyAdd(m(3, 5), m(3, 5, 2), m(3, 5, 3), m(3, 5, 4)),
  scale: (b, m) => b.scale(m(3, 5), -1.5),
  addRow: (b, m) => b.addRow(m(3, 5), m(1, 5, 2)),
  multiplyRow: (b, m) => b.multiplyRow(m(3, 5), m(1, 5, 2)),
  scaleRows: (b, m) => b.scaleRows(m(3, 5), m(3, 1, 2)),
  rowDot: (b, m) => b.rowDot(m(3, 5), m(3, 5, 2)),
  columnSums: (b, m) => b.columnSums(m(300, 5)),
  softmax: (b, m) => b.softmax(b.scale(m(4, 10), 30)),
  logSumExp: (b, m) => b.logSumExp(b.scale(m(4, 10), 30)),
  inverseRoot: (b, m) => b.inverseRoot(b.multiply(m(3, 5), m(3, 5)), 0.01),
  oneHot: (b) => b.oneHot(b.from([3, 0, -100, 4, 1, 5], 2, 3), 5),
  gatherRows: (b, m) => b.gatherRows(m(5, 3), b.from([3, 0, -100, 4, 1, 5], 2, 3)),
  scatterRows: (b, m) => b.scatterRows(m(6, 3), b.from([3, 0, -100, 3, 1, 3], 2, 3), 5, 2),
  runMeans: (b, m) => b.runMeans(m(12, 5), 4),
  repeatRows: (b, m) => b.repeatRows(m(3, 5), 4),
  swapAxes: (b, m) => b.swapAxes(m(4, 30), 2, 3, 4, 5),
  'batched a b': (b, m) => b.batchMatmul(m(12, 5), m(15, 2), 3),
  'batched a^T b': (b, m) => b.batchMatmul(m(12, 5), m(12, 2), 3, true),
  'batched a b^T': (b, m) => b.batchMatmul(m(12, 5), m(6, 5), 3, false, true),
  'softmax of masked scores': (b, m) => b.softmax(b.causalMask(m(8, 4))),
  'standardise, values': (b, m) => b.standardise(m(6, 9), 1e-5).hat,
  'standardise, factors': (b, m) => b.standardise(m(6, 9), 1e-5).rstd,
  standardiseJacobian: (b, m) => {
    const { hat, rstd } = b.standardise(m(6, 9), 1e-5);
    return b.standardiseJacobian(m(6, 9, 2), hat, rstd);
  },
  patches: (b, m) => b.patches(m(40, 3), window),
  'patches with padding': (b, m) => b.patches(m(40, 3), padded),
  scatterPatches: (b, m) => b.scatterPatches(m(8, 18), window),
  'patches, spaced': (b, m) => b.patches(m(40, 3), spaced),
  'scatterPatches, spaced': (b, m) => b.scatterPatches(m(24, 18), spaced),
  'scatterPatches with padding': (b, m) => b.scatterPatches(m(50, 18), padded),
  maxPlaces: (b, m) => b.maxPlaces(m(40, 3), window),
  'maxPlaces among equals': (b, m) => b.maxPlaces(b.scale(m(40, 3), 0), window),
  'maxPlaces with padding': (b, m) => b.maxPlaces(b.addRow(m(40, 3), b.from([-9, -9, -9], 1, 3)), padded),
  'pick with padding': (b, m) => b.pick(m(40, 3, 2), b.maxPlaces(m(40, 3), padded), padded),
  'spread with padding': (b, m) => b.spread(m(50, 3, 2), b.maxPlaces(m(40, 3), padded), padded),
  pick: (b, m) => b.pick(m(40, 3, 2), b.maxPlaces(m(40, 3), window), window),
  spread: (b, m) => b.spread(m(8, 3, 2), b.maxPlaces(m(40, 3), window), window),
  windowMeans: (b, m) => b.windowMeans(m(40, 3), window),
  spreadMeans: (b, m) => b.spreadMeans(m(8, 3), window),
  rowRange: (b, m) => b.rowRange(m(9, 4), 2, 5),
  columnsOf: (b, m) => b.columnsOf(m(3, 6), Uint32Array.of(5, 0, 0, 3, 2, 1, 4, 4)),
  concatColumns: (b, m) => b.concatColumns([m(3, 2), m(3, 5, 2), m(3, 1, 3)]),
  reshape: (b, m) => b.reshape(m(3, 4), 2, 6),
  accumulate: (b, m) => {
    const target = b.keep(m(5, 4, 9));
    b.accumulate(target, -0.5, m(7, 5), true, m(7, 4, 2), false, 0.9);
    return target;
  },
  blend: (b, m) => {
    const target = b.keep(m(5, 4, 9));
    b.blend(target, 0.25, m(5, 4), 0.5);
    b.blend(target, 1, m(5, 4, 3), 1);
    return target;
  },
  assign: (b, m) => {
    const target = b.keep(m(5, 4, 9));
    b.assign(target, m(5, 4));
    return target;
  },
  'rowsOf a table': (b) => b.rowsOf(b.table(Float32Array.from(normals(3, 24)), 4), Uint32Array.of(9, 5, 0, 5, 2), 1, 4),
};
for (const fn of activationFunctions) {
  for (const order of [0, 1, 2] as const)
    operations[`${fn}, derivative ${order}`] = (b, m) => b.activate(fn, order, b.scale(m(5, 8), 2));
  operations[`${fn}, backward`] = (b, m) => b.activateBackward(fn, m(5, 8), m(5, 8, 2));
}

/** Runs the suite on one device. */
export function deviceSuite(device: DeviceUnderTest): void {
  describeWhere(device.available, `numeric suite, ${device.title}`, () => {
    let open: OpenDevice;
    let backend: TfjsBackend;
    let reference: CpuBackend;
    beforeAll(async () => {
      open = await device.open();
      backend = open.backend();
      reference = new CpuBackend(await openWasmBlas(loadKernels()), 'float64');
    });
    afterAll(() => {
      open.close();
    });

    /** The values of an operation in both, and the device tensors it left. */
    const compare = async (operation: Operation): Promise<{ difference: number; left: number }> => {
      const before = open.tf.memory().numTensors - backend.residentTensors;
      const made: Tensor[] = [];
      const matrix =
        (on: Backend) =>
        (rows: number, cols: number, seed = 1): Tensor =>
          on.from(Float32Array.from(normals(seed, rows * cols)), rows, cols);
      const reading = backend.scope(() => {
        const result = operation(backend, matrix(backend));
        made.push(result);
        return backend.read(result);
      });
      const expected = reference.scope(() => dataOf(operation(reference, matrix(reference))).slice());
      const values = await reading;
      for (const tensor of made) if ('kept' in tensor && tensor.kept === true) backend.release(tensor);
      return {
        difference: gap(values, expected),
        left: open.tf.memory().numTensors - backend.residentTensors - before,
      };
    };

    test.each(Object.keys(operations))('%s', async (name) => {
      const { difference, left } = await compare(operations[name]);
      expect(difference).toBeLessThan(/tanh|gelu|softplus|sigmoid|mish/.test(name) ? layerTolerance : tolerance);
      // The table of `rowsOf` is the caller's to release.
      expect(left).toBe(name.startsWith('rowsOf') ? 1 : 0);
    });

    test.each(layerRows.map((row) => row.title))('the four maps: %s', async (title) => {
      const row = layerRows.find((each) => each.title === title);
      if (row === undefined) throw new Error(title);
      const before = open.tf.memory().numTensors - backend.residentTensors;
      const found = await mapsOn(backend, row);
      expect(open.tf.memory().numTensors - backend.residentTensors, 'tensors left').toBe(before);
      const expected = await mapsOn(reference, row);
      for (const [name, values] of expected)
        expect(gap(found.get(name) ?? [], values), name).toBeLessThan(layerTolerance);
    });

    test('a training step of a scope that throws leaves nothing behind', () => {
      const before = open.tf.memory().numTensors;
      expect(() =>
        backend.scope(() => {
          const x = backend.zeros(3, 4);
          backend.scope(() => backend.add(x, backend.zeros(4, 3)));
        }),
      ).toThrow('differ in size');
      expect(open.tf.memory().numTensors).toBe(before);
    });
  });
}
