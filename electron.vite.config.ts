/**
 * Three builds into out/. The main side keeps its modules one to one (out/main/... mirrors src/main/..., as do out/engine, out/data and out/shared),
 * so that worker entries and resources found with `new URL('./name', import.meta.url)` are where they are in the sources.
 */
import { defineConfig } from 'electron-vite';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { fileURLToPath } from 'node:url';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Processes and threads are entries of their own. */
const entries = [
  'src/main/index.ts',
  'src/main/cli/index.ts',
  'src/main/jobs/worker.ts',
  'src/main/jobs/device-probe.ts',
  'src/main/contract/helper/worker.ts',
  'src/engine/parallel/worker.ts',
  'src/engine/training/shards/worker.ts',
  'src/engine/training/batches/worker.ts',
];

/** The oldest Electron that the bundles run on is 33: Chromium 130 and Node 20.18, which has no `using` declarations. */
const oldestNode = 'node20.18';
const oldestChrome = 'chrome130';

export default defineConfig({
  main: {
    build: {
      target: oldestNode,
      outDir: 'out',
      emptyOutDir: false,
      minify: false,
      reportCompressedSize: false,
      rollupOptions: {
        input: entries.map(at),
        output: {
          format: 'es',
          preserveModules: true,
          preserveModulesRoot: at('src'),
          entryFileNames: '[name].js',
        },
      },
    },
  },
  preload: {
    build: {
      target: oldestNode,
      outDir: 'out/preload',
      minify: false,
      reportCompressedSize: false,
      // A sandboxed preload script has no packages at its side.
      externalizeDeps: false,
      rollupOptions: {
        input: { index: at('src/preload/index.ts') },
        output: { format: 'cjs', entryFileNames: '[name].cjs' },
      },
    },
  },
  renderer: {
    root: at('src/renderer'),
    // The desktop's own scheme and the browser shell both serve from the root.
    base: './',
    build: {
      outDir: at('out/renderer'),
      emptyOutDir: true,
      target: oldestChrome,
      // Half the bytes to read before the first paint.
      minify: true,
      reportCompressedSize: false,
      // Inlined assets would need data: in the content security policy.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      rollupOptions: { input: at('src/renderer/index.html') },
    },
    plugins: [svelte({ compilerOptions: { runes: true } })],
  },
});
