import { describe, expect, it } from 'vitest';
import { createMemory, Heap } from '../../../src/engine/blas/wasm/heap.ts';
import { Random } from '../../../src/shared/random.ts';
import { decompose, openKernels, randomArray } from './wasm-support.ts';

const PAGE = 65536;

describe('the heap of the WebAssembly memory', () => {
  it('hands out aligned, zeroed, disjoint ranges, whatever the order of release', () => {
    const heap = new Heap(createMemory());
    const random = new Random(1);
    const held = new Map<number, number>();
    for (let round = 0; round < 3000; round++) {
      if (held.size > 0 && random.uniform() < 0.48) {
        const offset = [...held.keys()][random.below(held.size)];
        heap.release(offset);
        held.delete(offset);
      } else {
        const bytes = random.below(5000);
        const offset = heap.allocate(bytes);
        expect(offset % 64).toBe(0);
        const view = new Uint8Array(heap.buffer(offset + bytes), offset, bytes);
        expect(view.every((value) => value === 0)).toBe(true);
        view.fill(255);
        const apart = [...held].every(([start, length]) => start + length <= offset || offset + bytes <= start);
        expect(apart).toBe(true);
        held.set(offset, bytes);
      }
    }
  });

  it('merges what is released: the same memory serves again as one piece', () => {
    const heap = new Heap(createMemory());
    const offsets = Array.from({ length: 50 }, () => heap.allocate(10_000));
    const length = heap.memory.buffer.byteLength;
    for (const i of new Random(2).permutation(50)) heap.release(offsets[i]);
    expect(heap.allocate(50 * 10_000)).toBe(offsets[0]);
    expect(heap.memory.buffer.byteLength).toBe(length);
  });

  it('fills a gap exactly and leaves its neighbours alone', () => {
    const heap = new Heap(createMemory());
    const [first, gap, last] = [heap.allocate(640), heap.allocate(640), heap.allocate(640)];
    heap.release(gap);
    expect(heap.allocate(641)).toBeGreaterThan(last);
    expect(heap.allocate(640)).toBe(gap);
    heap.release(first);
    expect(heap.allocate(64)).toBe(first);
  });

  it('refuses what passes the limit, naming both, and goes on', () => {
    const heap = new Heap(createMemory(64));
    expect(() => heap.allocate(65 * PAGE)).toThrow(
      'no room for 4259840 bytes (4.1 MiB) in the WebAssembly memory: the limit would be passed (0.0 MiB reached of a limit of 4.0 MiB)',
    );
    const half = heap.allocate(32 * PAGE);
    expect(() => heap.allocate(32 * PAGE)).toThrow(/no room for 2097152 bytes/);
    heap.release(half);
    expect(heap.allocate(63 * PAGE)).toBe(half);
  });

  it.each([[-1], [NaN], [Infinity], [1.5]])('refuses to allocate %s bytes', (bytes) => {
    expect(() => new Heap(createMemory(64)).allocate(bytes)).toThrow(/cannot allocate/);
  });

  it('refuses to release twice, an inner address or one outside', () => {
    const heap = new Heap(createMemory(64));
    const offset = heap.allocate(1000);
    for (const wrong of [offset + 64, offset + 1, 0, -64, 2 ** 40, NaN]) {
      expect(() => {
        heap.release(wrong);
      }).toThrow(/no array is allocated at offset/);
    }
    heap.release(offset);
    expect(() => {
      heap.release(offset);
    }).toThrow(/no array is allocated/);
  });

  it('refuses a memory without a heap', () => {
    expect(() => new Heap(new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true }))).toThrow(/no heap/);
  });
});

describe('arrays in the WebAssembly memory', () => {
  it('stay valid and readable by the kernels as the memory grows', async () => {
    const blas = await openKernels();
    const a = randomArray(blas, 'float64', 4, 1);
    const before = blas.share();
    if (before.kind !== 'wasm') throw new Error('expected WebAssembly');
    const length = before.memory.buffer.byteLength;
    const large = blas.allocate('float64', 20_000_000);
    expect(before.memory.buffer.byteLength).toBeGreaterThan(length);
    const c = blas.allocate('float64', 4);
    large.set([1, 0, 0, 1], 19_999_996);
    blas.gemm(false, false, 2, 2, 2, 1, large.subarray(19_999_996), 2, a, 2, 0, c, 2);
    expect([...c]).toEqual([...a]);
    const w = blas.allocate('float64', 2) as Float64Array;
    blas.eigh(2, large.subarray(19_999_996) as Float64Array, w);
    expect([...w]).toEqual([1, 1]);
    blas.release(large);
  });

  it('work beyond 2 GiB, up to the very end of the memory (untouched pages take no memory)', async () => {
    const blas = await openKernels();
    const n = 40;
    const matrix = Float64Array.from({ length: n * n }, (_, i) => 1 / (1 + Math.floor(i / n) + (i % n)));
    const near = decompose(blas, n, matrix);
    const most = blas.allocate('float32', 900_000_000);
    const a = blas.allocate('float64', n * n);
    expect(a.byteOffset).toBeGreaterThan(2 ** 31);
    expect(decompose(blas, n, matrix)).toEqual(near);
    blas.release(a);

    // The last array that fits ends within 64 bytes of the limit.
    const share = blas.share();
    if (share.kind !== 'wasm') throw new Error('expected WebAssembly');
    const header = 64;
    const rest = 65535 * 65536 - (most.byteOffset + most.byteLength) - header;
    const last = blas.allocate('float64', Math.floor(rest / 64) * 8);
    expect(share.memory.buffer.byteLength).toBe(65535 * 65536);
    const [x, y] = [last.subarray(-5, -2), last.subarray(-2)];
    last.set([1, 2, 3, 4, 5], last.length - 5);
    const identity = last.subarray(-20, -11);
    identity.set([1, 0, 0, 0, 1, 0, 0, 0, 1]);
    blas.gemv(false, 2, 3, 1, identity, 3, x, 0, y);
    expect([...y]).toEqual([1, 2]);
    blas.gemm(false, false, 1, 2, 3, 1, x, 3, identity, 3, 0, y, 2);
    expect([...y]).toEqual([1, 2]);
    blas.release(last);
    blas.release(most);
  });

  it('open to the same elements by reference', async () => {
    const blas = await openKernels();
    const a = blas.allocate('float32', 10);
    const same = blas.open(blas.reference(a.subarray(2, 5)));
    same.fill(4);
    expect([...a]).toEqual([0, 0, 4, 4, 4, 0, 0, 0, 0, 0]);
    expect(() => blas.open({ kind: 'native', array: a })).toThrow(/cannot open an array of kind native/);
    expect(() => blas.open({ kind: 'wasm', precision: 'float64', offset: 2 ** 32, length: 1 })).toThrow(/outside/);
  });

  it('of length 0 can be had, and eigendecompositions give their workspace back', async () => {
    const blas = await openKernels();
    expect(blas.allocate('float64', 0).length).toBe(0);
    const a = randomArray(blas, 'float64', 100 * 100, 3) as Float64Array;
    const w = blas.allocate('float64', 100) as Float64Array;
    for (let i = 0; i < 100; i++) for (let j = 0; j < i; j++) a[i * 100 + j] = a[j * 100 + i]!;
    blas.eigh(100, a, w);
    const share = blas.share();
    if (share.kind !== 'wasm') throw new Error('expected WebAssembly');
    const length = share.memory.buffer.byteLength;
    for (let i = 0; i < 100; i++) blas.eigh(100, a, w);
    expect(share.memory.buffer.byteLength).toBe(length);
  });
});
