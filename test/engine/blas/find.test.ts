/** Which native libraries are looked for, in which order. */
import { expect, test } from 'vitest';
import { candidatePaths, findNativeBlas } from '../../../src/engine/blas/find.ts';

test.each(['linux', 'win32'] as const)('OpenBLAS is tried before MKL on %s', (platform) => {
  const paths = candidatePaths(platform);
  const lastOpenBlas = paths.findLastIndex((path) => path.includes('openblas'));
  const firstMkl = paths.findIndex((path) => path.includes('mkl'));
  expect(lastOpenBlas).toBeGreaterThanOrEqual(0);
  expect(firstMkl).toBeGreaterThan(lastOpenBlas);
});

test('a library that was asked for by path is the only one tried', () => {
  expect(() => findNativeBlas('linux', '/nowhere/libblas.so')).toThrow(/^\/nowhere\/libblas\.so: cannot be loaded/);
});
