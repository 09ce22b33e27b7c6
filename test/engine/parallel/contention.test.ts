import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openWasmBlas } from '../../../src/engine/blas/wasm.ts';
import { threadsFor, yieldingThreads } from '../../../src/engine/parallel/contention.ts';
import { loadKernels } from '../../../src/main/blas-module.ts';

test.for([
  { what: 'a quiet machine', threads: 2, load: { own: 1.98, all: 2, cores: 2 }, expected: 2 },
  { what: 'a serial part of the call', threads: 2, load: { own: 1, all: 1.02, cores: 2 }, expected: 2 },
  { what: 'helpers asleep on a quiet machine of eight', threads: 8, load: { own: 1, all: 1.1, cores: 8 }, expected: 8 },
  { what: 'less than one thread gets', threads: 2, load: { own: 0.2, all: 2, cores: 2 }, expected: 1 },
  {
    what: 'the same where the system does not say what others take',
    threads: 2,
    load: { own: 0.2, all: NaN, cores: 2 },
    expected: 1,
  },
  { what: 'two of eight cores taken', threads: 8, load: { own: 5.9, all: 8, cores: 8 }, expected: 6 },
  { what: 'all cores taken and more', threads: 4, load: { own: 1.1, all: 16, cores: 4 }, expected: 1 },
  { what: 'niced processes in the gaps', threads: 2, load: { own: 1.9, all: 2, cores: 2 }, expected: 2 },
  { what: 'others on cores that are not asked for', threads: 4, load: { own: 3.9, all: 50, cores: 64 }, expected: 4 },
  { what: 'unknown load of others', threads: 4, load: { own: 2, all: NaN, cores: 4 }, expected: 4 },
])('threads beside $what', ({ threads, load, expected }) => {
  expect(threadsFor(threads, load)).toBe(expected);
});

test('a call that gets no processor time goes on with one thread; its result and its errors come back', async () => {
  const wasm = await openWasmBlas(loadKernels());
  const set: number[] = [];
  const native = { ...wasm, kind: 'native' as const, setThreads: (threads: number) => set.push(threads) };
  const starved = (): Promise<string> => sleep(900, 'done');
  await expect(yieldingThreads(native, 4, starved)).resolves.toBe('done');
  expect(set).toEqual([1]);
  await expect(yieldingThreads(native, 4, () => Promise.reject(new Error('it failed')))).rejects.toThrow('it failed');
  await expect(yieldingThreads(native, 1, () => sleep(600, 'alone'))).resolves.toBe('alone');
  await expect(yieldingThreads(wasm, 4, () => sleep(600, 'wasm'))).resolves.toBe('wasm');
  expect(set).toEqual([1]);
});
