/**
 * `npm run setup:tensorflow [-- --python [SOURCE]]`: TensorFlow for tfjs-node and tfjs-node-gpu; without arguments Google's libtensorflow (downloads.ts),
 * with --python a current one. PyPI's wheels contain the C library and its headers; the binding that Node loads is compiled against them (binding.ts). The
 * result is kept in the user's cache folder and is used by every checkout, whose node_modules links to it. A folder there appears complete or not at all.
 */
import { spawnSync } from 'node:child_process';
import { createHash, hash } from 'node:crypto';
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
import { homedir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { TensorflowSource } from '../../src/main/jobs/cuda-pieces.ts';
import { withLock } from '../launch/lock.mjs';
import { checkout, plainly } from '../launch/run.mjs';
import { Interrupted, SetupError, duration, say } from '../launch/say.mjs';
import { writeJson } from '../launch/stamp.mjs';
import { libc } from '../launch/tree.mjs';
import { compileBinding, findCompiler, tryBinding } from './binding.ts';
import { ensureTensorflow, hasNvidiaCard } from './downloads.ts';
import { diskFull, pip, requireSpace } from './pip.ts';
import { openWheel, textIn, unpack } from './wheel.ts';

/** The version that is known to work with the binding of tfjs-node 4.22.0. */
const knownVersion = '2.21.0';

/** SHA-256 of PyPI's wheels of that version for CPython 3.12 on x86-64. */
const knownDigests: Readonly<Record<string, string>> = {
  'tensorflow_cpu-2.21.0-cp312-cp312-manylinux_2_27_x86_64.whl':
    'dcc8afd32930e42d5296b6ee19078b773706830af4ea97fbe503b9f5e0f820cb',
  'tensorflow-2.21.0-cp312-cp312-manylinux_2_27_x86_64.whl':
    'b3b95643c4e70eb925839938fb35cbe142f317ec84af6844ee61513713bb13c0',
};

const command = 'npm run setup:tensorflow -- --python';
const libraries = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'];
/** The headers that the binding includes, and what those include. */
const header = /^tensorflow\/include\/(tensorflow\/c|tensorflow\/core\/platform|tensorflow\/tsl|tsl|xla\/tsl)\/.*\.h$/;

const usage = `usage: npm run setup:tensorflow                          libtensorflow 2.9.1 with CUDA 11.2, from storage.googleapis.com
       ${command} [SOURCE]      a current TensorFlow from PyPI (Linux, glibc)

SOURCE   left out: tensorflow-cpu ${knownVersion} from PyPI with pip; with an NVIDIA card, tensorflow ${knownVersion} and the CUDA libraries that it needs
         a wheel file, tensorflow-VERSION-....whl or tensorflow_cpu-VERSION-....whl
         a Python environment in which tensorflow is installed: its folder, or its python
         tensorflow==VERSION or tensorflow-cpu==VERSION: that version from PyPI
--cuda   install the CUDA libraries too (pip's nvidia packages, about 4 GB), even if no card is found; --no-cuda: never install them
`;

/** The folder that holds everything: one folder per TensorFlow, and for each package a link to the one that it uses. */
function tensorflowCache(): string {
  const base = process.env['XDG_CACHE_HOME'];
  return join(base?.startsWith('/') ? base : join(homedir(), '.cache'), 'covature/tensorflow');
}

const packages = ['tfjs-node', 'tfjs-node-gpu'] as const;

/**
 * Links the packages of the checkout `root` to what the cache has for them. A package's own binding is kept, and so is a link that works, unless they are to
 * be replaced.
 */
export function linkTensorflow(root: string, { cache = tensorflowCache(), replace = false } = {}): void {
  for (const name of packages) {
    const folder = join(root, 'node_modules/@tensorflow', name);
    const target = join(cache, name, 'tfjs_binding.node');
    const link = join(folder, 'lib/napi-v8/tfjs_binding.node');
    if (!existsSync(folder) || !existsSync(target)) continue;
    if (existsSync(link) && !replace) continue;
    mkdirSync(dirname(link), { recursive: true });
    point(link, target);
  }
}

/** Installs a TensorFlow of PyPI, as `args` say (see `usage`). Failures are `SetupError`s. */
export async function setUpFromPython(
  root: string,
  { args, cache = tensorflowCache() }: { args: readonly string[]; cache?: string },
): Promise<void> {
  const { source, cuda } = parse(args);
  const refused = refusal(process.platform, process.arch, libc());
  if (refused !== null) throw new SetupError(refused);
  if (!existsSync(join(root, 'node_modules/@tensorflow/tfjs-node/binding/tfjs_backend.cc')))
    throw new SetupError('the package @tensorflow/tfjs-node is not installed: "npm run build" installs it');
  const compiler = findCompiler();
  mkdirSync(cache, { recursive: true });
  await withLock(join(cache, 'lock'), 'another set-up of TensorFlow is running', async () => {
    for (const name of readdirSync(cache)) {
      if (name.startsWith('.new-')) rmSync(join(cache, name), { recursive: true, force: true });
    }
    const stage = join(cache, `.new-${process.pid}`);
    mkdirSync(stage);
    const stop = new AbortController();
    const interrupt = (signal: NodeJS.Signals): void => stop.abort(new Interrupted(signal));
    process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
    try {
      await make({ root, compiler, cache, stage, source, cuda, signal: stop.signal });
    } catch (error) {
      if (stop.signal.reason instanceof Interrupted) throw stop.signal.reason;
      if ((error as NodeJS.ErrnoException).code === 'ENOSPC') throw diskFull(cache);
      throw error;
    } finally {
      process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
      rmSync(stage, { recursive: true, force: true });
    }
  });
  linkTensorflow(root, { cache, replace: true });
}

interface Work {
  readonly root: string;
  readonly compiler: string;
  readonly cache: string;
  /** A folder next to the finished ones, which becomes one of them. */
  readonly stage: string;
  readonly source: string;
  /** Whether to install the CUDA libraries; null: only if there is a card. */
  readonly cuda: boolean | null;
  readonly signal: AbortSignal;
}

/** Where a TensorFlow lies, and the CUDA packages that its wheel requires. `library` is empty for one that was unpacked into the stage. */
type Unpacked = TensorflowSource & { readonly requirements: readonly string[] };

async function make(work: Work): Promise<void> {
  const { cache, stage, cuda } = work;
  const started = performance.now();
  const named = /^tensorflow(-cpu)?([=<>!~].*)?$/.test(work.source) || work.source === '' ? {} : place(work.source);
  const { requirements, ...made } =
    named.library === undefined ? await fromWheel(work, named.wheel) : fromEnvironment(named.library);
  const isOwn = made.library === '';
  work.signal.throwIfAborted();
  say(`compiling the binding of tfjs-node against TensorFlow ${made.version}`);
  const binding = join(stage, 'tfjs_binding.node');
  await compileBinding({
    ...work,
    library: isOwn ? join(stage, 'tensorflow') : made.library,
    target: binding,
    runPath: isOwn ? '$ORIGIN/tensorflow' : made.library,
  });
  const version = tryBinding(binding);
  const key = `${version}-${made.cuda === null ? 'cpu' : 'cuda'}${isOwn ? '' : `-${hash('sha256', made.library).slice(0, 8)}`}`;
  const folder = join(cache, key);
  if (isOwn && made.cuda !== null && (cuda ?? hasNvidiaCard())) await addCuda(work, requirements, folder);
  work.signal.throwIfAborted();
  const source: TensorflowSource = { ...made, version, library: isOwn ? join(folder, 'tensorflow') : made.library };
  writeJson(join(stage, 'source.json'), source);
  rmSync(folder, { recursive: true, force: true });
  renameSync(stage, folder);
  for (const name of made.cuda === null ? ['tfjs-node'] : packages) point(join(cache, name), key);
  removeUnused(cache);
  say(
    `TensorFlow ${version} ${made.cuda === null ? 'for the processor' : `with CUDA ${made.cuda}`} serves ${made.cuda === null ? 'tfjs-node' : 'tfjs-node and tfjs-node-gpu'}, from ${made.from} ` +
      `(${duration(performance.now() - started)}); it multiplied two matrices. "npm run --silent covature -- doctor" shows what it finds`,
  );
}

/** Makes a link, or changes its target. */
function point(link: string, target: string): void {
  const temporary = `${link}.${process.pid}`;
  rmSync(temporary, { force: true });
  symlinkSync(target, temporary);
  renameSync(temporary, link);
}

/** Removes the folders to which no link points any more. */
function removeUnused(cache: string): void {
  const used = packages
    .filter((name) => existsSync(join(cache, name)))
    .map((name) => basename(realpathSync(join(cache, name))));
  for (const name of readdirSync(cache)) {
    if (!lstatSync(join(cache, name)).isDirectory() || used.includes(name)) continue;
    rmSync(join(cache, name), { recursive: true, force: true });
  }
}

function parse(args: readonly string[]): { source: string; cuda: boolean | null } {
  let source = '';
  let cuda: boolean | null = null;
  for (const word of args) {
    if (word === '--python') continue;
    if (word === '--cuda' || word === '--no-cuda') cuda = word === '--cuda';
    else if (word.startsWith('-') || source !== '') throw new SetupError(`"${word}" is not understood\n${usage}`);
    else source = word;
  }
  return { source, cuda };
}

/**
 * Why PyPI's TensorFlow cannot be used on a machine, and what can; null if it can. `library` is the C library of a Linux system.
 */
export function refusal(platform: string, arch: string, library: 'glibc' | 'musl' | undefined): string | null {
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

/** What a path refers to: a wheel, or the folder of an installed TensorFlow. */
function place(source: string): { wheel?: string; library?: string } {
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

function fromEnvironment(library: string): Unpacked {
  const info = join(library, 'python/platform/build_info.py');
  const distribution = readdirSync(dirname(library)).find((name) =>
    /^tensorflow(_cpu|_intel)?-[\d.]+.*\.dist-info$/.test(name),
  );
  const version = /-([^-]+)\.dist-info$/.exec(distribution ?? '')?.[1] ?? 'of an unknown version';
  const builtFor = cudaVersions(existsSync(info) ? readFileSync(info, 'utf8') : '');
  return { version, from: library, sha256: '', library, ...builtFor, requirements: [] };
}

/** `file` is the wheel; without one it is downloaded. */
async function fromWheel(work: Work, file?: string): Promise<Unpacked> {
  const { stage, cache, signal } = work;
  const path = file ?? (await fetchWheel(work));
  const wheel = openWheel(path);
  try {
    const inside = libraries.map((name) => `tensorflow/${name}`);
    const missing = inside.filter((each) => !wheel.entries.has(each));
    if (!wheel.name.startsWith('tensorflow') || missing.length > 0)
      throw new SetupError(
        `${basename(path)} does not contain ${missing.map((each) => basename(each)).join(', ')}: expected a wheel of tensorflow or tensorflow-cpu, 2.11 or newer, for Linux. "${command}" without an argument downloads one`,
      );
    const machine = process.arch === 'x64' ? 'x86_64' : 'aarch64';
    if (!wheel.platform.includes(machine))
      throw new SetupError(`${basename(path)} is for ${wheel.platform}, and this machine is ${machine}`);
    const entries = [...wheel.entries.values()].filter(({ name }) => inside.includes(name) || header.test(name));
    const need = entries.reduce((sum, { size }) => sum + size, 0);
    requireSpace(cache, need);
    const digest = createHash('sha256');
    await pipeline(createReadStream(path), digest, { signal });
    const sha256 = digest.digest('hex');
    const known = knownDigests[basename(path)];
    if (known !== undefined && known !== sha256)
      throw new SetupError(
        `${path} is not PyPI's: its SHA-256 is ${sha256}, and PyPI's is ${known}. Download it again`,
      );
    say(`unpacking its C library (${Math.round(need / 1e6)} MB), checked against the wheel's checksums`);
    await unpack(entries, stage, signal);
    const builtFor = cudaVersions(textIn(wheel, 'tensorflow/python/platform/build_info.py'));
    const metadata = textIn(wheel, `${wheel.name}-${wheel.version}.dist-info/METADATA`);
    const requirements = [
      ...metadata.matchAll(/^Requires-Dist: (nvidia[^;\n]+?)\s*;.*extra == ['"]and-cuda['"]/gm),
    ].map(([, each = '']) => each);
    if (file === undefined) rmSync(dirname(path), { recursive: true, force: true });
    return { version: wheel.version, from: basename(path), sha256, library: '', ...builtFor, requirements };
  } finally {
    wheel.close();
  }
}

async function fetchWheel({ source, stage, cache, cuda }: Work): Promise<string> {
  const usual = process.arch !== 'x64' || (cuda ?? hasNvidiaCard()) ? 'tensorflow' : 'tensorflow-cpu';
  const named = source === '' ? usual : source;
  const requirement = /[=<>!~]/.test(named) ? named : `${named}==${knownVersion}`;
  const isSmall = requirement.startsWith('tensorflow-cpu');
  const folder = join(stage, 'download');
  mkdirSync(folder);
  requireSpace(cache, isSmall ? 1.2e9 : 2e9);
  say(`fetching ${requirement} from PyPI by pip (${isSmall ? 'about 270' : 'about 570'} MB)`);
  await pip(['download', '--dest', folder], [requirement], { stage, cache, title: requirement });
  const wheel = readdirSync(folder).find((name) => name.endsWith('.whl'));
  if (wheel === undefined) throw new SetupError(`pip fetched no wheel of ${requirement}`);
  return join(folder, wheel);
}

/**
 * Installs the CUDA libraries that this TensorFlow requires, where its own library looks for them: ../nvidia/NAME/lib. Those in `before`, the folder that
 * this one replaces, serve again.
 */
async function addCuda({ stage, cache }: Work, requirements: readonly string[], before: string): Promise<void> {
  if (requirements.length === 0) throw new SetupError('the wheel names no CUDA libraries, so they cannot be fetched');
  const target = join(stage, 'nvidia');
  if (existsSync(join(before, 'nvidia'))) {
    renameSync(join(before, 'nvidia'), target);
    return;
  }
  requireSpace(cache, 8e9);
  say(`fetching the CUDA libraries from PyPI by pip (${requirements.length} packages, about 4 GB on disk)`);
  const folder = join(stage, 'cuda');
  const title = 'the CUDA libraries';
  await pip(['install', '--no-compile', '--target', folder], requirements, { stage, cache, title });
  renameSync(join(folder, 'nvidia'), target);
  rmSync(folder, { recursive: true, force: true });
}

/** The CUDA and cuDNN versions that a TensorFlow was built for, from its own build_info.py. */
function cudaVersions(info: string): Pick<TensorflowSource, 'cuda' | 'cudnn'> {
  const isCuda = /'is_cuda_build', True/.test(info);
  const value = (name: string): string => new RegExp(`'${name}', '([^']+)'`).exec(info)?.[1] ?? 'of an unknown version';
  return { cuda: isCuda ? value('cuda_version') : null, cudnn: isCuda ? value('cudnn_version') : null };
}

if (import.meta.main)
  await plainly(async () => {
    const args = process.argv.slice(2);
    if (args.includes('--help') || args.includes('-h')) process.stdout.write(usage);
    else if (args.includes('--python')) await setUpFromPython(checkout, { args });
    else if (args.length === 0) process.exitCode = (await ensureTensorflow(checkout, { again: true })) ? 0 : 1;
    else {
      say(`"${args.join(' ')}" is not understood\n${usage}`);
      process.exitCode = 2;
    }
  });
