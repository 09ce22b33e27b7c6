/** The SIMD loops of the cpu backend against plain JavaScript loops: the same backend on an ordinary BLAS without a WebAssembly memory. */
import { describe, expect, test } from 'vitest';
import { CpuBackend, dataOf } from '../../../src/engine/backend/cpu.ts';
import type { Tensor, Window2d } from '../../../src/engine/backend/types.ts';
import { openInMemory } from '../../../src/engine/blas/in-memory.ts';
import type { Blas, Precision } from '../../../src/engine/blas/types.ts';
import { openWasmBlas } from '../../../src/engine/blas/wasm.ts';
import { SampleLoss } from '../../../src/engine/network/loss.ts';
import { windowOver } from '../../../src/engine/network/shapes.ts';
import { loadKernels } from '../../../src/main/blas-module.ts';
import { Random } from '../../../src/shared/random.ts';

const wasm = await openWasmBlas(loadKernels());

/** A BLAS whose arrays lie in ordinary memory, so that the backend has no kernels to use; products are not asked of it. */
const plain: Blas = {
  ...wasm,
  kind: 'native',
  allocate: (precision, length) => (precision === 'float64' ? new Float64Array(length) : new Float32Array(length)),
  release: () => undefined,
};
delete (plain as { loops?: unknown }).loops;

type Body = (backend: CpuBackend, make: (rows: number, cols: number, seed: number) => Tensor) => Tensor[];

const images = (height: number, width: number, channels: number, rows = 3): [number, number] => [
  rows * height * width,
  channels,
];
const windowOf = (shape: readonly [number, number, number], size: number, stride: number, same = false): Window2d =>
  windowOver(shape, { kernel: [size, size], stride, padding: same ? 'same' : 'valid' }, 'test');

/** Windows with runs of all lengths modulo a vector, overlaps, gaps, padding, and what no window covers. */
const windows: readonly (readonly [string, Window2d])[] = [
  ['3 x 3 over one channel', windowOf([7, 6, 1], 3, 1)],
  ['3 x 3 over two channels, padded', windowOf([5, 6, 2], 3, 1, true)],
  ['5 x 5 over 3 x 4 places, padded', windowOf([3, 4, 3], 5, 1, true)],
  ['2 x 2 of 8 channels, an odd rest', windowOf([7, 5, 8], 2, 2)],
  ['3 x 3 of 5 channels, stride 2, overlapping', windowOf([9, 8, 5], 3, 2)],
  ['1 x 1 of 6 channels, stride 3', windowOf([7, 7, 6], 1, 3)],
  ['3 x 3 of 12 channels, padded', windowOf([4, 5, 12], 3, 1, true)],
  ['3 x 2 of 8 channels', windowOver([5, 6, 8], { kernel: [3, 2], stride: 1, padding: 'valid' }, 'test')],
  [
    '3 x 2 of 4 channels, spaced, steps of their own',
    windowOver([9, 8, 4], { kernel: [3, 2], stride: [1, 2], padding: 'valid', dilation: [2, 3] }, 'test'),
  ],
  [
    '3 x 3 of 4 channels, padded by numbers',
    windowOver(
      [6, 5, 4],
      {
        kernel: 3,
        stride: 2,
        padding: [
          [2, 1],
          [0, 1],
        ],
      },
      'test',
    ),
  ],
];

const cases: readonly (readonly [string, Body])[] = [
  ...[1, 3, 8, 37].flatMap((cols): (readonly [string, Body])[] => [
    [`addRow, ${cols}`, (b, make) => [b.addRow(make(5, cols, 1), make(1, cols, 2))]],
    [`multiplyRow, ${cols}`, (b, make) => [b.multiplyRow(make(5, cols, 1), make(1, cols, 2))]],
    [`scaleShift, ${cols}`, (b, make) => [b.scaleShift(make(5, cols, 1), make(1, cols, 2), make(1, cols, 3))]],
    [
      `combineRows, ${cols}`,
      (b, make) => [
        b.combineRows(make(1, cols, 1), make(5, cols, 2), make(1, cols, 3), make(5, cols, 4), make(1, cols, 5)),
      ],
    ],
    [`scaleRows, ${cols}`, (b, make) => [b.scaleRows(make(5, cols, 1), make(5, 1, 2))]],
    [
      `columnsOf and concatColumns, ${cols}`,
      (b, make) => [
        b.columnsOf(
          make(5, cols, 1),
          Uint32Array.from({ length: Math.ceil(cols / 2) }, (_, j) => j + (cols >> 1)),
        ),
        b.concatColumns([make(5, cols, 1), make(5, 2, 2), make(5, cols, 3)]),
      ],
    ],
    [`swapAxes, ${cols}`, (b, make) => [b.swapAxes(make(12, cols, 1), 2, 3, 2, cols)]],
    [`repeatRows, ${cols}`, (b, make) => [b.repeatRows(make(5, cols, 1), 3)]],
    [
      `functions with exponentials, ${cols}`,
      (b, make) => {
        const [z, dy] = [make(5, cols, 1), make(5, cols, 2)];
        return (['sigmoid', 'tanh', 'silu', 'gelu', 'gelu-tanh'] as const).flatMap((fn) => [
          b.activate(fn, 0, z),
          b.activate(fn, 1, z),
          b.activateBackward(fn, z, dy),
        ]);
      },
    ],
  ]),
  ...[1, 3, 4, 63].flatMap((cols): (readonly [string, Body])[] => [
    [`add, ${cols}`, (b, make) => [b.add(make(3, cols, 1), make(3, cols, 2))]],
    [`subtract, ${cols}`, (b, make) => [b.subtract(make(3, cols, 1), make(3, cols, 2))]],
    [`multiply, ${cols}`, (b, make) => [b.multiply(make(3, cols, 1), make(3, cols, 2))]],
    [`scale, ${cols}`, (b, make) => [b.scale(make(3, cols, 1), -0.37)]],
    [`relu, ${cols}`, (b, make) => [b.activate('relu', 0, make(3, cols, 1))]],
    [`relu backward, ${cols}`, (b, make) => [b.activateBackward('relu', make(3, cols, 1), make(3, cols, 2))]],
    [
      `blend, ${cols}`,
      (b, make) => {
        const [x, y, z] = [make(3, cols, 1), b.keep(make(3, cols, 2)), b.keep(make(3, cols, 3))];
        b.blend(y, 0.3, x, 1);
        b.blend(z, 0.3, x, -0.7);
        return [y, z];
      },
    ],
    [
      `rowsOf, ${cols}`,
      (b, make) => {
        const values = dataOf(make(9, cols, 1)).slice();
        return [b.rowsOf(b.table(values, cols), Uint32Array.of(99, 8, 0, 8, 3), 1, 4)];
      },
    ],
  ]),
  ...windows.flatMap(([name, window]): (readonly [string, Body])[] => {
    const { height, width, channels, kernelHeight, kernelWidth, outHeight, outWidth } = window;
    const x: [number, number] = images(height, width, channels);
    const columns: [number, number] = [3 * outHeight * outWidth, kernelHeight * kernelWidth * channels];
    const rows: (readonly [string, Body])[] = [
      [`patches, ${name}`, (b, make) => [b.patches(make(...x, 1), window)]],
      [`scatterPatches, ${name}`, (b, make) => [b.scatterPatches(make(...columns, 1), window)]],
    ];
    for (const rectified of [false, true]) {
      rows.push([
        `maxPool and spread${rectified ? ' with relu' : ''}, ${name}`,
        (b, make) => {
          const image = make(...x, 1);
          const { values, places } = b.maxPool(image, window, rectified);
          const spread = b.spread(make(values.rows, values.cols, 2), places, window);
          return [values, places, spread, b.pick(image, places, window)];
        },
      ]);
    }
    return rows;
  }),
];

/** Loops that add. */
const sums: readonly (readonly [string, Body])[] = [
  ...[1, 3, 8, 37, 64].flatMap((cols): (readonly [string, Body])[] => [
    [`rowDot, ${cols}`, (b, make) => [b.rowDot(make(6, cols, 1), make(6, cols, 2))]],
    [`columnDots, ${cols}`, (b, make) => [b.columnDots(make(600, cols, 1), make(600, cols, 2))]],
    [`softmax, ${cols}`, (b, make) => [b.softmax(make(5, cols, 1))]],
    [`softmax's Jacobian, ${cols}`, (b, make) => [b.softmaxJacobian(make(5, cols, 1), make(5, cols, 2))]],
    [`causal softmax, ${cols}`, (b, make) => [b.causalSoftmax(make(2 * cols, cols, 1))]],
  ]),
  ...[3, 8, 37, 64].map((cols): readonly [string, Body] => [
    `standardise and its Jacobian, ${cols}`,
    (b, make) => {
      const { hat, rstd } = b.standardise(make(5, cols, 1), 1e-5);
      return [hat, rstd, b.standardiseJacobian(make(5, cols, 2), hat, rstd)];
    },
  ]),
];

describe.each(['float32', 'float64'] as const)('SIMD loops, %s', (precision: Precision) => {
  const run = (blas: Blas, body: Body): Float64Array[] => {
    const backend = new CpuBackend(blas, precision);
    return backend.scope(() =>
      body(backend, (rows, cols, seed) => {
        const random = new Random(seed, 'loops');
        return backend.from(
          Float64Array.from({ length: rows * cols }, () => random.normal()),
          rows,
          cols,
        );
      }).map((tensor) => Float64Array.from(dataOf(tensor))),
    );
  };

  test.each(cases)('%s', (_name, body) => {
    const expected = run(plain, body);
    const found = run(wasm, body);
    expect(found.length).toBe(expected.length);
    for (const [i, values] of found.entries()) {
      expect(values.length).toBe(expected[i].length);
      const tolerance = precision === 'float32' ? 1e-6 : 1e-15;
      const worst = values.reduce((most, value, j) => Math.max(most, Math.abs(value - expected[i][j])), 0);
      expect(worst).toBeLessThanOrEqual(tolerance);
    }
  });

  /** Sums are held to their terms' size: their order differs. */
  test.each(sums)('%s', (_name, body) => {
    const expected = run(plain, body);
    for (const [i, values] of run(wasm, body).entries()) {
      const size = Math.max(1, ...expected[i].map(Math.abs));
      const worst = values.reduce((most, value, j) => Math.max(most, Math.abs(value - expected[i][j])), 0);
      expect(worst / size).toBeLessThanOrEqual(precision === 'float32' ? 1e-6 : 4e-15);
    }
  });

  test.each([
    [2, 3, 5, 4],
    [6, 32, 32, 16],
    [3, 9, 11, 13],
    [2, 1, 1, 1],
  ])('%i products of [%i, %i] by way of %i', (count, m, n, k) => {
    const backend = new CpuBackend(wasm, precision);
    backend.scope(() => {
      const random = new Random(4, 'loops');
      const drawn = (rows: number, cols: number): Tensor =>
        backend.from(
          Float64Array.from({ length: rows * cols }, () => random.normal()),
          rows,
          cols,
        );
      for (const [transposeA, transposeB] of [
        [false, false],
        [true, false],
        [false, true],
        [true, true],
      ]) {
        const a = transposeA ? drawn(count * k, m) : drawn(count * m, k);
        const b = transposeB ? drawn(count * n, k) : drawn(count * k, n);
        const found = dataOf(backend.batchMatmul(a, b, count, transposeA, transposeB));
        for (let i = 0; i < count; i++) {
          const [left, right] = [
            backend.rowRange(a, (i * a.rows) / count, a.rows / count),
            backend.rowRange(b, (i * b.rows) / count, b.rows / count),
          ];
          const expected = dataOf(backend.matmul(left, right, transposeA, transposeB));
          const size = precision === 'float32' ? 1e-6 : 1e-14;
          expect(expected.every((value, j) => Math.abs(value - found[i * m * n + j]) <= size * k)).toBe(true);
        }
      }
    });
  });

  test.each(windows.flatMap(([name, window]) => [5, 8, 16].map((filters) => ({ name, window, filters }))))(
    'a convolution of $filters filters is the product of its patches: $name',
    ({ window, filters }) => {
      const backend = new CpuBackend(wasm, precision);
      backend.scope(() => {
        const random = new Random(5, 'loops');
        const drawn = (rows: number, cols: number): Tensor =>
          backend.from(
            Float64Array.from({ length: rows * cols }, () => random.normal()),
            rows,
            cols,
          );
        const { height, width, channels, kernelHeight, kernelWidth, outHeight, outWidth } = window;
        const inner = kernelHeight * kernelWidth * channels;
        const x = drawn(7 * height * width, channels);
        const [kernel, bias, dz] = [drawn(inner, filters), drawn(1, filters), drawn(7 * outHeight * outWidth, filters)];
        const columns = backend.patches(x, window);
        const [one, two] = [backend.keep(drawn(inner, filters)), backend.keep(backend.zeros(inner, filters))];
        backend.assign(two, one);
        backend.accumulate(one, 0.3, columns, true, dz, false, 0.5);
        backend.accumulateConvolution(two, 0.3, x, dz, window, 0.5);
        const both = backend.convolutionGradients(x, dz, kernel, window);
        expect(both !== null).toBe(
          window.strideY === 1 && window.strideX === 1 && filters <= channels && inner > channels,
        );
        const pairs = [
          [backend.affine(columns, kernel, bias), backend.convolve(x, kernel, bias, window)],
          [backend.affine(columns, kernel, null), backend.convolve(x, kernel, null, window)],
          [
            backend.scatterPatches(backend.matmul(dz, kernel, false, true), window),
            backend.convolveBack(dz, kernel, window),
          ],
          [one, two],
          ...(both === null
            ? []
            : [
                [backend.scatterPatches(backend.matmul(dz, kernel, false, true), window), both.dx] as const,
                [backend.matmul(columns, dz, true), both.gradient] as const,
              ]),
        ] as const;
        for (const [expected, found] of pairs) {
          const values = dataOf(found);
          const size = Math.max(1, ...dataOf(expected).map(Math.abs));
          const exact = Float64Array.from(dataOf(expected));
          const worst = exact.reduce((most, value, j) => Math.max(most, Math.abs(value - values[j])), 0);
          expect(worst / size).toBeLessThanOrEqual(precision === 'float32' ? 2e-6 : 4e-15);
        }
        backend.release(one);
        backend.release(two);
      });
    },
  );

  test('a NaN is the maximum of its window wherever it stands, and stays NaN behind relu', () => {
    for (const place of [0, 1, 2, 3]) {
      for (const channels of [1, 4]) {
        for (const blas of [plain, wasm]) {
          const backend = new CpuBackend(blas, precision);
          const values = new Float64Array(4 * channels).fill(1);
          values.fill(NaN, place * channels, (place + 1) * channels);
          backend.scope(() => {
            const [image, window] = [backend.from(values, 4, channels), windowOf([2, 2, channels], 2, 2)];
            const pooled = backend.maxPool(image, window, false);
            expect([...dataOf(pooled.places)]).toEqual(new Array(channels).fill(place));
            expect([...dataOf(backend.activate('relu', 0, pooled.values))]).toEqual(new Array(channels).fill(NaN));
            const rectified = backend.maxPool(image, window, true);
            expect([...dataOf(rectified.values)]).toEqual(new Array(channels).fill(NaN));
            expect([...dataOf(rectified.places)]).toEqual(new Array(channels).fill(place));
          });
        }
      }
    }
  });

  test('cross-entropy in one pass equals its parts', () => {
    const backend = new CpuBackend(wasm, precision);
    backend.scope(() => {
      const random = new Random(3, 'loops');
      const y = backend.from(
        Float64Array.from({ length: 70 }, () => 30 * random.normal()),
        7,
        10,
      );
      const targets = backend.from(
        Float64Array.from({ length: 70 }, (_, i) => (i % 11 === 0 ? 1 : 0)),
        7,
        10,
      );
      const { losses, gradient } = backend.crossEntropy(y, targets, 0.25);
      const loss = new SampleLoss('cross-entropy', [10]);
      const parts = [loss.values(backend, y, targets), loss.gradient(backend, y, targets, 0.25)];
      for (const [i, found] of [losses, gradient].entries()) {
        const expected = dataOf(parts[i]);
        const worst = Float64Array.from(dataOf(found)).reduce(
          (most, value, j) => Math.max(most, Math.abs(value - expected[j])),
          0,
        );
        expect(worst).toBeLessThanOrEqual(precision === 'float32' ? 2e-5 : 1e-13);
      }
    });
  });
});

describe('functions with exponentials in single precision', () => {
  const numbers = Float32Array.from({ length: 4001 }, (_, i) => (i - 2000) / 50);
  const special = Float32Array.of(0, 1e-30, -1e-30, 1e4, -1e4, NaN);

  test.each(['sigmoid', 'tanh', 'silu', 'gelu', 'gelu-tanh'] as const)('%s', (fn) => {
    const z = Float32Array.of(...numbers, ...special);
    const [single, double] = [new CpuBackend(wasm, 'float32'), new CpuBackend(plain, 'float64')];
    for (const order of [0, 1] as const) {
      const found = single.scope(() => dataOf(single.activate(fn, order, single.from(z, 1, z.length))).slice());
      const exact = double.scope(() => dataOf(double.activate(fn, order, double.from(z, 1, z.length))).slice());
      const worst = z.reduce((most, at, i) => {
        if (Number.isNaN(at)) return Number.isNaN(found[i]) ? most : Infinity;
        return Math.max(most, Math.abs(found[i] - exact[i]) / Math.max(Math.abs(exact[i]), 0.1));
      }, 0);
      expect(worst).toBeLessThan(8e-7);
    }
  });
});

describe('a native library on a WebAssembly memory', () => {
  const native: Blas = { ...plain, path: 'library' };

  test('gives what does not fit into the memory from outside it, and plain loops serve that', () => {
    const blas = openInMemory(
      { ...native, allocate: (precision, length) => plain.allocate(precision, Math.min(length, 8)) },
      loadKernels(),
    );
    const inside = blas.allocate('float64', 8);
    expect(blas.loops?.offset(inside)).toBeGreaterThan(0);
    const outside = blas.allocate('float64', 2 ** 30);
    expect(blas.loops?.offset(outside)).toBe(-1);
    const backend = new CpuBackend(blas, 'float64');
    inside.fill(2);
    outside.fill(3);
    backend.scope(() => {
      expect([...dataOf(backend.add(backend.wrap(inside, 2, 4), backend.wrap(outside, 2, 4)))]).toEqual(
        new Array(8).fill(5),
      );
    });
    blas.release(outside);
    blas.release(inside);
  });

  test('refuses a library that has a memory of its own', () => {
    expect(() => openInMemory(wasm, loadKernels())).toThrow(/memory of its own/);
  });

  test('shares its arrays by reference', () => {
    const blas = openInMemory(native, loadKernels());
    const array = blas.allocate('float32', 3).fill(7);
    const reference = blas.reference(array);
    expect(reference.kind).toBe('wasm');
    expect([...blas.open(reference)]).toEqual([7, 7, 7]);
    expect(blas.share()).toMatchObject({ kind: 'native', path: 'library' });
  });
});
