/**
 * The binding of tfjs-node, compiled from the source in its package and linked with a TensorFlow library. It is written against Node-API, so
 * the headers of any Node will do and no other part of Node's build is needed: one call of the compiler replaces node-gyp, which
 * would first download all of Node's headers.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { runGuarded } from './guard.mjs';
import { SetupError } from './say.mjs';

/** The command that installs a compiler, by the file of a Linux distribution's package manager. */
const compilers = [
  ['/usr/bin/apt-get', 'sudo apt-get install g++'],
  ['/usr/bin/dnf', 'sudo dnf install gcc-c++'],
  ['/usr/bin/zypper', 'sudo zypper install gcc-c++'],
  ['/usr/bin/pacman', 'sudo pacman -S gcc'],
];

/**
 * The C++ compiler: the one that CXX names in the environment, otherwise the first of the usual names that starts. Raises a SetupError that says how to
 * install one.
 * @param {NodeJS.ProcessEnv} [env]
 */
export function findCompiler(env = process.env) {
  const named = env['CXX'];
  for (const command of named ? [named] : ['c++', 'g++', 'clang++']) {
    if (spawnSync(command, ['--version'], { stdio: 'ignore', env }).status === 0) return command;
  }
  const install = compilers.find(([file]) => existsSync(file))?.[1] ?? 'install g++ or clang++';
  throw new SetupError(
    named
      ? `CXX names ${named}, which does not start: with "unset CXX" the system's compiler is used`
      : `there is no C++ compiler here, and the binding between Node and TensorFlow needs one: "${install}", then run this again`,
  );
}

/**
 * The folder with Node-API's headers: those of the Node that runs the program, otherwise those in koffi's package.
 * @param {string} root the checkout @param {string} node
 */
export function findHeaders(root, node) {
  const folders = [
    join(dirname(dirname(node)), 'include/node'),
    join(root, 'node_modules/koffi/vendor/node-api-headers/include'),
  ];
  const found = folders.find((folder) => existsSync(join(folder, 'node_api.h')));
  if (found === undefined)
    throw new SetupError(`node_api.h is in none of ${folders.join(', ')}: "npm run build" installs the packages again`);
  return found;
}

/**
 * Compiles the binding. Raises a SetupError with the compiler's own message if that fails.
 * @param {{ root: string, node: string, compiler: string, headers: string, library: string, target: string, runPath: string }} options
 *   headers: the folder with TensorFlow's headers; library: the folder with libtensorflow_cc.so.2 at compile time; runPath: the same folder
 *   as the loader will find it, in which $ORIGIN is the binding's own folder
 */
export async function compileBinding({ root, node, compiler, headers, library, target, runPath }) {
  const source = join(root, 'node_modules/@tensorflow/tfjs-node/binding');
  const args = [
    ...['-std=c++17', '-O2', '-fPIC', '-shared', '-w', '-DNAPI_VERSION=8'],
    ...['-I', findHeaders(root, node), '-I', headers],
    ...[join(source, 'tfjs_backend.cc'), join(source, 'tfjs_binding.cc')],
    ...[join(library, 'libtensorflow_cc.so.2'), join(library, 'libtensorflow_framework.so.2')],
    ...['-Xlinker', '-rpath', '-Xlinker', runPath, '-o', target],
  ];
  const reason = await runGuarded({ command: compiler, args, cwd: dirname(target), watch: [target], silence: 600_000 });
  if (reason !== undefined)
    throw new SetupError(
      `the binding does not compile against this TensorFlow (${reason}). "npm run setup:tensorflow -- --python" installs the version that is known to work`,
    );
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
 * Loads a binding in a separate process and multiplies two matrices with it. Returns the version of its TensorFlow; raises a SetupError if
 * it does not load or multiplies wrongly.
 * @param {string} node @param {string} binding
 * @returns {string}
 */
export function tryBinding(node, binding) {
  const { status, signal, stdout, stderr } = spawnSync(node, ['-e', trial, binding], {
    encoding: 'utf8',
    timeout: 120_000,
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3', CUDA_VISIBLE_DEVICES: '' },
  });
  if (status === 0) return String(JSON.parse(stdout).version);
  const words = stderr
    .split('\n')
    .filter((line) => /error/i.test(line))
    .slice(0, 2)
    .join(' ')
    .trim();
  throw new SetupError(
    `the binding was compiled, but does not work (${words || (signal ? `ended by ${signal}` : `exit status ${status}`)}). "npm run setup:tensorflow -- --python" installs the version that is known to work`,
  );
}
