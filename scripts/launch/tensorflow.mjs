/**
 * `npm run setup:tensorflow -- --python [SOURCE]`: a current TensorFlow for tfjs-node and tfjs-node-gpu. PyPI's wheels contain the C library and
 * its headers; the binding that Node loads is compiled against them (binding.mjs). The result is kept in the user's cache folder and is used by
 * every checkout, whose node_modules links to it. A folder there appears complete or not at all.
 */
import { createHash } from 'node:crypto';
import {
  createReadStream,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { spawnSync } from 'node:child_process';
import { homedir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import process from 'node:process';
import { pipeline } from 'node:stream/promises';
import { compileBinding, findCompiler, tryBinding } from './binding.mjs';
import { hasNvidiaCard } from './downloads.mjs';
import { withLock } from './lock.mjs';
import { diskFull, pip, requireSpace, wheelsForHere } from './pip.mjs';
import { Interrupted, SetupError, duration, say } from './say.mjs';
import { writeJson } from './stamp.mjs';
import { libc } from './tree.mjs';
import { openWheel, textIn, unpack } from './wheel.mjs';

/** The version that is known to work with the binding of tfjs-node 4.22.0. */
const knownVersion = '2.21.0';

/** SHA-256 of PyPI's wheels of that version for CPython 3.12 on x86-64. */
const knownDigests = new Map([
  [
    'tensorflow_cpu-2.21.0-cp312-cp312-manylinux_2_27_x86_64.whl',
    'dcc8afd32930e42d5296b6ee19078b773706830af4ea97fbe503b9f5e0f820cb',
  ],
  [
    'tensorflow-2.21.0-cp312-cp312-manylinux_2_27_x86_64.whl',
    'b3b95643c4e70eb925839938fb35cbe142f317ec84af6844ee61513713bb13c0',
  ],
]);

const command = 'npm run setup:tensorflow -- --python';
const libraries = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'];
/** The headers that the binding includes, and what those include. */
const isHeader = (/** @type {string} */ path) =>
  /^tensorflow\/include\/(tensorflow\/c|tensorflow\/core\/platform|tensorflow\/tsl|tsl|xla\/tsl)\/.*\.h$/.test(path);

export const usage = `usage: npm run setup:tensorflow                          libtensorflow 2.9.1 with CUDA 11.2, from storage.googleapis.com
       ${command} [SOURCE]      a current TensorFlow from PyPI (Linux, glibc)

SOURCE   left out: tensorflow-cpu ${knownVersion} from PyPI with pip; with an NVIDIA card, tensorflow ${knownVersion} and the CUDA libraries that it needs
         a wheel file, tensorflow-VERSION-....whl or tensorflow_cpu-VERSION-....whl
         a Python environment in which tensorflow is installed: its folder, or its python
         tensorflow==VERSION or tensorflow-cpu==VERSION: that version from PyPI
--cuda   install the CUDA libraries too (pip's nvidia packages, about 4 GB), even if no card is found; --no-cuda: never install them
`;

/** The folder that holds everything: one folder per TensorFlow, and for each package a link to the one that it uses. */
export function tensorflowCache(env = process.env) {
  const base = env['XDG_CACHE_HOME'];
  return join(base?.startsWith('/') ? base : join(homedir(), '.cache'), 'covature/tensorflow');
}

const packages = /** @type {const} */ (['tfjs-node', 'tfjs-node-gpu']);
const bindingIn = (/** @type {string} */ root, /** @type {string} */ name) =>
  join(root, 'node_modules/@tensorflow', name, 'lib/napi-v8/tfjs_binding.node');

/**
 * Links the packages of a checkout to what the cache has for them. A package's own binding is kept, and so is a link that works.
 * @param {string} root
 * @param {{ cache?: string, replace?: boolean }} [options] replace: the package's own is replaced
 */
export function linkTensorflow(root, { cache = tensorflowCache(), replace = false } = {}) {
  for (const name of packages) {
    const folder = join(root, 'node_modules/@tensorflow', name);
    const target = join(cache, name, 'tfjs_binding.node');
    const link = bindingIn(root, name);
    if (!existsSync(folder) || !existsSync(target)) continue;
    if (existsSync(link) && !replace) continue;
    mkdirSync(dirname(link), { recursive: true });
    point(link, target);
  }
}

/**
 * @typedef {object} Made the contents of source.json in a cached folder
 * @property {string} version of TensorFlow
 * @property {string} from the wheel's name, or the environment's folder
 * @property {string} sha256 of the wheel; empty for an environment
 * @property {string} library the folder with the two libraries
 * @property {string | null} cuda the CUDA version that it was built for; null for none
 * @property {string | null} cudnn
 */

/**
 * Returns whether it succeeded; failures are SetupErrors.
 * @param {string} root
 * @param {{ node: string, args: readonly string[], cache?: string }} options
 */
export async function setUpFromPython(root, { node, args, cache = tensorflowCache() }) {
  const { source, cuda } = parse(args);
  const refused = refusal(process.platform, process.arch, libc());
  if (refused !== null) throw new SetupError(refused);
  if (!existsSync(join(root, 'node_modules/@tensorflow/tfjs-node/binding/tfjs_backend.cc')))
    throw new SetupError('the package @tensorflow/tfjs-node is not installed: "npm run build" installs it');
  const compiler = findCompiler();
  mkdirSync(cache, { recursive: true });
  await withLock(
    join(cache, 'lock'),
    async () => {
      for (const name of readdirSync(cache)) {
        if (name.startsWith('.new-')) rmSync(join(cache, name), { recursive: true, force: true });
      }
      const stage = join(cache, `.new-${process.pid}`);
      mkdirSync(stage);
      const stop = new AbortController();
      const interrupt = (/** @type {NodeJS.Signals} */ signal) => stop.abort(new Interrupted(signal));
      process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
      try {
        await make({ root, node, compiler, cache, stage, source, cuda, signal: stop.signal });
      } catch (error) {
        if (stop.signal.reason instanceof Interrupted) throw stop.signal.reason;
        if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOSPC') throw diskFull(cache, null);
        throw error;
      } finally {
        process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
        rmSync(stage, { recursive: true, force: true });
      }
    },
    {
      onWait: (holder) =>
        say(`another set-up of TensorFlow is running${holder ? ` (process ${holder.pid})` : ''}; waiting for it`),
    },
  );
  linkTensorflow(root, { cache, replace: true });
  return true;
}

/**
 * @typedef {object} Work
 * @property {string} root
 * @property {string} node
 * @property {string} compiler
 * @property {string} cache
 * @property {string} stage a folder next to the finished ones, which becomes one of them
 * @property {string} source
 * @property {boolean | null} cuda whether to install the CUDA libraries; null: only if there is a card
 * @property {AbortSignal} signal
 */

/** @param {Work} work */
async function make(work) {
  const { cache, stage, node, cuda } = work;
  const started = performance.now();
  const found = /^tensorflow(-cpu)?([=<>!~].*)?$/.test(work.source) || work.source === '' ? null : place(work.source);
  const made =
    found?.library === undefined ? await fromWheel(work, found?.wheel ?? null) : fromEnvironment(found.library);
  const isOwn = made.library === '';
  const library = isOwn ? join(stage, 'tensorflow') : made.library;
  work.signal.throwIfAborted();
  say(`compiling the binding of tfjs-node against TensorFlow ${made.version}`);
  await compileBinding({
    ...work,
    headers: join(library, 'include'),
    library,
    target: join(stage, 'tfjs_binding.node'),
    runPath: isOwn ? '$ORIGIN/tensorflow' : library,
  });
  const version = tryBinding(node, join(stage, 'tfjs_binding.node'));
  const key = `${version}-${made.cuda === null ? 'cpu' : 'cuda'}${isOwn ? '' : `-${shortDigest(made.library)}`}`;
  const folder = join(cache, key);
  if (isOwn && made.cuda !== null && (cuda ?? hasNvidiaCard())) await addCuda(work, made.requirements, folder);
  work.signal.throwIfAborted();
  writeJson(join(stage, 'source.json'), {
    version,
    from: made.from,
    sha256: made.sha256,
    library: isOwn ? join(folder, 'tensorflow') : made.library,
    cuda: made.cuda,
    cudnn: made.cudnn,
  });
  rmSync(folder, { recursive: true, force: true });
  renameSync(stage, folder);
  for (const name of made.cuda === null ? ['tfjs-node'] : packages) point(join(cache, name), key);
  removeUnused(cache);
  say(
    `TensorFlow ${version} ${made.cuda === null ? 'for the processor' : `with CUDA ${made.cuda}`} serves ${made.cuda === null ? 'tfjs-node' : 'tfjs-node and tfjs-node-gpu'}, from ${made.from} ` +
      `(${duration(performance.now() - started)}); it multiplied two matrices. "npm run --silent covature -- doctor" shows what it finds`,
  );
}

/** Makes a link, or changes its target. @param {string} link @param {string} target */
function point(link, target) {
  const temporary = `${link}.${process.pid}`;
  rmSync(temporary, { force: true });
  symlinkSync(target, temporary);
  renameSync(temporary, link);
}

/** Folders to which no link points any more. @param {string} cache */
function removeUnused(cache) {
  const used = packages
    .filter((name) => existsSync(join(cache, name)))
    .map((name) => basename(realpathSync(join(cache, name))));
  for (const name of readdirSync(cache)) {
    if (!lstatSync(join(cache, name)).isDirectory() || used.includes(name)) continue;
    rmSync(join(cache, name), { recursive: true, force: true });
  }
}

/** @param {readonly string[]} args @returns {{ source: string, cuda: boolean | null }} */
function parse(args) {
  let source = '';
  /** @type {boolean | null} */
  let cuda = null;
  for (const word of args) {
    if (word === '--python') continue;
    if (word === '--cuda' || word === '--no-cuda') cuda = word === '--cuda';
    else if (word.startsWith('-') || source !== '') throw new SetupError(`"${word}" is not understood\n${usage}`);
    else source = word;
  }
  return { source, cuda };
}

/**
 * Why PyPI's TensorFlow cannot be used on a machine, and what can; null if it can.
 * @param {string} platform @param {string} arch @param {'glibc' | 'musl' | undefined} library the C library of a Linux system
 */
export function refusal(platform, arch, library) {
  if (platform === 'win32')
    return 'the wheels for Windows contain no library that the binding can be linked with; "npm run setup:tensorflow" fetches libtensorflow 2.9.1 from storage.googleapis.com';
  if (platform === 'darwin')
    return 'this is not built for macOS: "--backend webgpu" uses the card through Metal, and needs no set-up';
  if (platform !== 'linux') return `PyPI has no TensorFlow for ${platform}; the cpu engine does the same work here`;
  if (library === 'musl')
    return 'this Linux uses musl (Alpine), and TensorFlow is built only for glibc: use a Debian or Ubuntu container; the cpu engine does the same work here';
  if (arch !== 'x64' && arch !== 'arm64')
    return `PyPI has TensorFlow for x86-64 and arm64 on Linux, and this is ${arch}; the cpu engine does the same work here`;
  return null;
}

/** @typedef {{ version: string, from: string, sha256: string, library: string, cuda: string | null, cudnn: string | null, requirements: string[] }} Found */

/**
 * What a path refers to: a wheel, or the folder of an installed TensorFlow.
 * @param {string} source @returns {{ wheel?: string, library?: string }}
 */
function place(source) {
  const path = resolve(process.env['INIT_CWD'] ?? process.cwd(), source);
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined)
    throw new SetupError(`${path} does not exist: expected a wheel file, a Python environment, or tensorflow==VERSION`);
  if (stat.isFile() && path.endsWith('.whl')) return { wheel: path };
  const candidates = [path, join(path, 'tensorflow'), join(path, 'lib')];
  if (stat.isFile()) {
    const { status, stdout } = spawnSync(path, ['-c', 'import sysconfig; print(sysconfig.get_paths()["platlib"])'], {
      encoding: 'utf8',
    });
    if (status !== 0)
      throw new SetupError(`${path} is neither a wheel (.whl) nor a Python: it did not say where its packages are`);
    candidates.push(join(stdout.trim(), 'tensorflow'));
  } else if (existsSync(join(path, 'lib'))) {
    for (const name of readdirSync(join(path, 'lib'))) {
      if (name.startsWith('python3')) candidates.push(join(path, 'lib', name, 'site-packages/tensorflow'));
    }
  }
  const library = candidates.find((folder) => libraries.every((name) => existsSync(join(folder, name))));
  if (library === undefined)
    throw new SetupError(
      `${path}: no ${libraries.join(' and ')} there (looked in ${candidates.join(', ')}). "${command}" without an argument downloads TensorFlow from PyPI`,
    );
  return { library };
}

/** @param {string} library @returns {Found} */
function fromEnvironment(library) {
  const info = join(library, 'python/platform/build_info.py');
  const { cuda, cudnn } = builtFor(existsSync(info) ? readFileSync(info, 'utf8') : '');
  const distribution = readdirSync(dirname(library)).find((name) =>
    /^tensorflow(_cpu|_intel)?-[\d.]+.*\.dist-info$/.test(name),
  );
  const version = /-([^-]+)\.dist-info$/.exec(distribution ?? '')?.[1] ?? 'of an unknown version';
  return { version, from: library, sha256: '', library, cuda, cudnn, requirements: [] };
}

/**
 * @param {Work} work @param {string | null} file the wheel; null: it is downloaded
 * @returns {Promise<Found>}
 */
async function fromWheel(work, file) {
  const { stage, cache, signal } = work;
  const path = file ?? (await fetchWheel(work));
  const wheel = await openWheel(path);
  const inside = libraries.map((name) => `tensorflow/${name}`);
  const missing = inside.filter((each) => !wheel.entries.has(each));
  if (!wheel.name.startsWith('tensorflow') || missing.length > 0)
    throw new SetupError(
      `${basename(path)} does not contain ${missing.map((each) => basename(each)).join(', ')}: expected a wheel of tensorflow or tensorflow-cpu, 2.11 or newer, for Linux. "${command}" without an argument downloads one`,
    );
  const machine = process.arch === 'x64' ? 'x86_64' : 'aarch64';
  if (!wheel.platform.includes(machine))
    throw new SetupError(`${basename(path)} is for ${wheel.platform}, and this machine is ${machine}`);
  const paths = [...inside, ...[...wheel.entries.keys()].filter(isHeader)];
  const need = paths.reduce((sum, each) => sum + (wheel.entries.get(each)?.size ?? 0), 0);
  requireSpace(cache, need);
  const sha256 = await digestOf(path, signal);
  const known = knownDigests.get(basename(path));
  if (known !== undefined && known !== sha256)
    throw new SetupError(`${path} is not PyPI's: its SHA-256 is ${sha256}, and PyPI's is ${known}. Download it again`);
  say(`unpacking its C library (${Math.round(need / 1e6)}MB), checked against the wheel's checksums`);
  await unpack(wheel, paths, stage, signal);
  const { cuda, cudnn } = builtFor((await textIn(wheel, 'tensorflow/python/platform/build_info.py')) ?? '');
  const metadata = (await textIn(wheel, `${wheel.name}-${wheel.version}.dist-info/METADATA`)) ?? '';
  const requirements = [...metadata.matchAll(/^Requires-Dist: (nvidia[^;\n]+?)\s*;.*extra == ['"]and-cuda['"]/gm)].map(
    ([, each = '']) => each,
  );
  if (file === null) rmSync(join(stage, 'download'), { recursive: true, force: true });
  return { version: wheel.version, from: basename(path), sha256, library: '', cuda, cudnn, requirements };
}

/** @param {Work} work @returns {Promise<string>} */
async function fetchWheel({ source, stage, cache, cuda }) {
  const usual = process.arch !== 'x64' || (cuda ?? hasNvidiaCard()) ? 'tensorflow' : 'tensorflow-cpu';
  const named = source === '' ? usual : source;
  const requirement = /[=<>!~]/.test(named) ? named : `${named}==${knownVersion}`;
  const folder = join(stage, 'download');
  mkdirSync(folder);
  requireSpace(cache, requirement.startsWith('tensorflow-cpu') ? 1.2e9 : 2e9);
  say(
    `fetching ${requirement} from PyPI by pip (${requirement.startsWith('tensorflow-cpu') ? 'about 270' : 'about 570'} MB)`,
  );
  await pip(['download', '--no-deps', ...wheelsForHere(), '--dest', folder, requirement], stage, cache, requirement);
  const wheel = readdirSync(folder).find((name) => name.endsWith('.whl'));
  if (wheel === undefined) throw new SetupError(`pip fetched no wheel of ${requirement}`);
  return join(folder, wheel);
}

/**
 * Installs the CUDA libraries that this TensorFlow requires, where its own library looks for them: ../nvidia/*\/lib.
 * @param {Work} work @param {string[]} requirements @param {string} before the folder that this one replaces
 */
async function addCuda({ stage, cache }, requirements, before) {
  if (requirements.length === 0) throw new SetupError('the wheel names no CUDA libraries, so they cannot be fetched');
  const target = join(stage, 'nvidia');
  if (existsSync(join(before, 'nvidia'))) {
    renameSync(join(before, 'nvidia'), target);
    return;
  }
  requireSpace(cache, 8e9);
  say(`fetching the CUDA libraries from PyPI by pip (${requirements.length} packages, about 4 GB on disk)`);
  const folder = join(stage, 'cuda');
  const what = 'the CUDA libraries';
  await pip(
    ['install', '--no-deps', '--no-compile', ...wheelsForHere(), '--target', folder, ...requirements],
    stage,
    cache,
    what,
  );
  renameSync(join(folder, 'nvidia'), target);
  rmSync(folder, { recursive: true, force: true });
}

/** The CUDA and cuDNN versions that a TensorFlow was built for, from its own build_info.py. @param {string} info */
function builtFor(info) {
  const isCuda = /'is_cuda_build', True/.test(info);
  const value = (/** @type {string} */ name) =>
    new RegExp(`'${name}', '([^']+)'`).exec(info)?.[1] ?? 'of an unknown version';
  return { cuda: isCuda ? value('cuda_version') : null, cudnn: isCuda ? value('cudnn_version') : null };
}

/** @param {string} file @param {AbortSignal} signal */
async function digestOf(file, signal) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash, { signal });
  return hash.digest('hex');
}

/** @param {string} text */
const shortDigest = (text) => createHash('sha256').update(text).digest('hex').slice(0, 8);
