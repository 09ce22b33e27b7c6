/** The compiled WebAssembly kernels, read from out/wasm/kernels.wasm (scripts/build-wasm.mjs). The engine itself reads no file. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Where the file is, seen from src/main/, from a bundle in out/main/ and from a shared chunk of one in out/main/chunks/. */
const candidates = ['../../out/wasm/kernels.wasm', '../wasm/kernels.wasm', '../../wasm/kernels.wasm'];

/**
 * Compiles the kernels. Raises an Error that says what to do when they have not been built.
 * @param from the URL of a module in one of the places above; this one by default.
 */
export function loadKernels(from: string | URL = import.meta.url): WebAssembly.Module {
  const urls = candidates.map((path) => new URL(path, from));
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
  throw new Error(`the WebAssembly kernels are not built (no ${fileURLToPath(urls[0])}): run "npm run build"`);
}
