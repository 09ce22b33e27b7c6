import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildKernels } from '../../../scripts/build-wasm.mjs';
import { openWasmBlas } from '../../../src/engine/blas/wasm.ts';
import { loadKernels } from '../../../src/main/blas-module.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'a folder with spaces '));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('the module of the WebAssembly kernels', () => {
  it('is built once: a second build finds it current', async () => {
    const { path } = await buildKernels();
    expect(await buildKernels()).toEqual({ path, rebuilt: false });
  });

  it.each(['src/main/blas-module.ts', 'out/main/index.js', 'out/main/chunks/engine.js'])(
    'is found from %s',
    async (from) => {
      const { path } = await buildKernels();
      mkdirSync(join(folder, 'out/wasm'), { recursive: true });
      cpSync(path, join(folder, 'out/wasm/kernels.wasm'));
      const blas = await openWasmBlas(loadKernels(pathToFileURL(join(folder, from))));
      expect(blas.kind).toBe('wasm');
      expect(blas.path).toBe('');
      expect(blas.name).toMatch(/^WebAssembly \(SIMD, (FMA|without FMA)\)$/);
    },
  );

  it('says what to do where it is missing', () => {
    expect(() => loadKernels(pathToFileURL(join(folder, 'elsewhere/src/main/x.ts')))).toThrow(/run "npm run build"/);
  });
});
