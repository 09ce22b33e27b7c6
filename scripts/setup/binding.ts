/**
 * The binding of tfjs-node, compiled from the source in its package and linked with a TensorFlow library. It is written against Node-API, so
 * the headers of any Node will do and no other part of Node's build is needed: one call of the compiler replaces node-gyp, which
 * would first download all of Node's headers.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { SetupError } from '../launch/say.mjs';
import { runGuarded } from './guard.ts';

/** The command that installs a compiler, by the file of a Linux distribution's package manager. */
const compilers = [
  ['/usr/bin/apt-get', 'sudo apt-get install g++'],
  ['/usr/bin/dnf', 'sudo dnf install gcc-c++'],
  ['/usr/bin/zypper', 'sudo zypper install gcc-c++'],
  ['/usr/bin/pacman', 'sudo pacman -S gcc'],
] as const;

/**
 * The C++ compiler: the one that CXX names in the environment, otherwise the first of the usual names that starts. Raises a `SetupError` that says how to
 * install one.
 */
export function findCompiler(): string {
  const named = process.env['CXX'];
  for (const command of named ? [named] : ['c++', 'g++', 'clang++']) {
    if (spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0) return command;
  }
  const install = compilers.find(([file]) => existsSync(file))?.[1] ?? 'install g++ or clang++';
  throw new SetupError(
    named
      ? `CXX names ${named}, which does not start: with "unset CXX" the system's compiler is used`
      : `there is no C++ compiler here, and the binding between Node and TensorFlow needs one: "${install}", then run this again`,
  );
}

/** The folder with Node-API's headers: those of the Node that runs this program, otherwise those in koffi's package. */
function findHeaders(root: string): string {
  const folders = [
    join(dirname(dirname(process.execPath)), 'include/node'),
    join(root, 'node_modules/koffi/vendor/node-api-headers/include'),
  ];
  const headers = folders.find((folder) => existsSync(join(folder, 'node_api.h')));
  if (headers === undefined)
    throw new SetupError(`node_api.h is in none of ${folders.join(', ')}: "npm run build" installs the packages again`);
  return headers;
}

export interface Compilation {
  /** The checkout. */
  readonly root: string;
  readonly compiler: string;
  /** The folder with libtensorflow_cc.so.2 at compile time; TensorFlow's headers are in include/ there. */
  readonly library: string;
  readonly target: string;
  /** The library's folder as the loader will find it, in which $ORIGIN is the binding's own folder. */
  readonly runPath: string;
}

const knownToWork = '"npm run setup:tensorflow -- --python" installs the version that is known to work';

/** Compiles the binding. Raises a `SetupError` with the compiler's own message if that fails. */
export async function compileBinding({ root, compiler, library, target, runPath }: Compilation): Promise<void> {
  const source = join(root, 'node_modules/@tensorflow/tfjs-node/binding');
  const args = [
    ...['-std=c++17', '-O2', '-fPIC', '-shared', '-w', '-DNAPI_VERSION=8'],
    ...['-I', findHeaders(root), '-I', join(library, 'include')],
    ...[join(source, 'tfjs_backend.cc'), join(source, 'tfjs_binding.cc')],
    ...[join(library, 'libtensorflow_cc.so.2'), join(library, 'libtensorflow_framework.so.2')],
    ...['-Xlinker', '-rpath', '-Xlinker', runPath, '-o', target],
  ];
  const cwd = dirname(target);
  const reason = await runGuarded({ command: compiler, args, cwd, watch: [], silence: () => 600_000 });
  if (reason !== undefined)
    throw new SetupError(`the binding does not compile against this TensorFlow (${reason}). ${knownToWork}`);
}

/** Loads the binding, multiplies two matrices and says which TensorFlow it was. */
const trial = `
const binding = require(process.argv[1]);
const { TF_FLOAT, TF_ATTR_TYPE, TF_ATTR_BOOL } = binding;
const matrix = () => binding.createTensor([2, 2], TF_FLOAT, Float32Array.of(1, 2, 3, 4));
const [product] = binding.executeOp('MatMul', [
  { name: 'T', type: TF_ATTR_TYPE, value: TF_FLOAT },
  { name: 'transpose_a', type: TF_ATTR_BOOL, value: false },
  { name: 'transpose_b', type: TF_ATTR_BOOL, value: false },
], [matrix(), matrix()], 1);
const values = Array.from(binding.tensorDataSync(product.id));
if (values.join() !== '7,10,15,22') throw new Error('error: the product of two matrices came out as ' + values.join(' '));
process.stdout.write(JSON.stringify({ version: binding.TF_Version }));
`;

/**
 * Loads a binding in a separate process and multiplies two matrices with it. Returns the version of its TensorFlow; raises a `SetupError` if
 * it does not load or multiplies wrongly.
 */
export function tryBinding(binding: string): string {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['-e', trial, binding], {
    encoding: 'utf8',
    timeout: 120_000,
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3', CUDA_VISIBLE_DEVICES: '' },
  });
  if (status === 0) return (JSON.parse(stdout) as { version: string }).version;
  const words = stderr
    .split('\n')
    .filter((line) => /error/i.test(line))
    .slice(0, 2)
    .join(' ')
    .trim();
  throw new SetupError(
    `the binding was compiled, but does not work (${words || (signal ? `ended by ${signal}` : `exit status ${status}`)}). ${knownToWork}`,
  );
}
