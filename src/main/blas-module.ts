/** The compiled WebAssembly kernels, read from out/wasm/kernels.wasm. The engine itself reads no file. */
import { readFileSync } from 'node:fs';

/** Where the file may be: seen from src/main/ or from a bundle in out/main/. */
const candidates = ['../../out/wasm/kernels.wasm', '../wasm/kernels.wasm'];

/** Compiles the kernels. Raises an Error that says what to do when they have not been built. */
export function loadKernels(): WebAssembly.Module {
  const urls = candidates.map((path) => new URL(path, import.meta.url));
  for (const url of urls) {
    let bytes;
    try {
      bytes = readFileSync(url);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue;
      throw error;
    }
    return new WebAssembly.Module(bytes);
  }
  throw new Error(`the WebAssembly kernels are not built (${urls[0]!.pathname} is missing): run "npm run build"`);
}
