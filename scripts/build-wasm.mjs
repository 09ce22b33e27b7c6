/**
 * Compiles the WebAssembly kernels (src/engine/blas/wasm/assembly) into out/wasm/kernels.wasm with AssemblyScript. Plain JavaScript that
 * also runs on Node 20. Rebuilds only if the sources, the compiler's version or the options below have changed: their hash is kept inside the
 * module, as a custom section, so that the file is either complete and current, or is replaced by one rename.
 *
 *   node scripts/build-wasm.mjs          or   import { buildKernels } from './build-wasm.mjs'
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const sources = join(root, 'src/engine/blas/wasm/assembly');
const target = join(root, 'out/wasm/kernels.wasm');
const section = 'covature.sources';

/** Pages of 64 KiB. The module accepts any shared memory of at most 4 GiB; src/engine/blas/wasm.ts decides how large it is. */
const options = [
  ...['-O3', '--noAssert', '--runtime', 'stub'],
  ...['--importMemory', '--noExportMemory', '--sharedMemory', '--initialMemory', '1', '--maximumMemory', '65536'],
  ...['--enable', 'threads', '--enable', 'simd', '--enable', 'relaxed-simd'],
];

/**
 * Builds the kernels if they are not current. Resolves to the path of the module and whether it was rebuilt.
 * Rejects with the compiler's messages when a source does not compile.
 * @returns {Promise<{ path: string, rebuilt: boolean }>}
 */
export async function buildKernels() {
  const hash = hashOfSources();
  if (hashOfModule() === hash) return { path: target, rebuilt: false };
  const { default: asc } = await import('assemblyscript/asc');
  const folder = join(root, 'out/wasm');
  mkdirSync(folder, { recursive: true });
  const temporary = mkdtempSync(join(folder, '.build-'));
  try {
    const file = join(temporary, 'kernels.wasm');
    let messages = '';
    const stderr = {
      write(/** @type {string | Uint8Array} */ chunk) {
        messages += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
      },
    };
    const { error } = await asc.main(['index.ts', ...options, '--baseDir', sources, '--outFile', file], { stderr });
    if (error) throw new Error(`the WebAssembly kernels do not compile: ${error.message}\n${messages}`);
    const descriptor = openSync(file, 'a');
    writeSync(descriptor, customSection(section, hash));
    fsyncSync(descriptor);
    closeSync(descriptor);
    renameSync(file, target);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return { path: target, rebuilt: true };
}

function hashOfSources() {
  const hash = createHash('sha256');
  const { version } = createRequire(import.meta.url)('assemblyscript/package.json');
  hash.update(JSON.stringify([version, options]));
  const files = readdirSync(sources).filter((name) => name.endsWith('.ts'));
  for (const name of files.sort()) hash.update(`\0${name}\0`).update(readFileSync(join(sources, name)));
  return hash.digest('hex');
}

/** The hash in the built module; null if there is no complete module. */
function hashOfModule() {
  let bytes;
  try {
    bytes = readFileSync(target);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return null;
    throw error;
  }
  // The section is the last of the file: id, size, length of the name, name, hash.
  return bytes.subarray(-(section.length + 64)).toString('latin1', 0, section.length) === section
    ? bytes.subarray(-64).toString('latin1')
    : null;
}

/**
 * A WebAssembly custom section; its contents must be under 127 bytes so that each length is one byte of LEB128.
 * @param {string} name
 * @param {string} text
 */
function customSection(name, text) {
  const body = Buffer.concat([Buffer.from([name.length]), Buffer.from(name + text, 'latin1')]);
  if (body.length > 127) throw new Error(`custom section ${name} of ${body.length} bytes is too long`);
  return Buffer.concat([Buffer.from([0, body.length]), body]);
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { rebuilt } = await buildKernels();
  process.stdout.write(
    rebuilt ? 'WebAssembly kernels built: out/wasm/kernels.wasm\n' : 'WebAssembly kernels are up to date\n',
  );
}
