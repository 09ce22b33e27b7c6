/**
 * Packs the package that `npm install -g covature` and `npx covature` install: the built program without sources, tests, Electron and development packages.
 *
 *   node scripts/pack.mjs [DIR]    writes DIR/covature-VERSION.tgz (default DIR: dist) and prints its size
 *
 * The package is staged in a separate folder, because its package.json differs: it has the built command, the packages needed at run time, and the
 * commit from which it was packed. `npm run pack` builds first.
 */
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { commitOfCheckout } from './commit.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const target = resolve(process.argv[2] ?? join(root, 'dist'));
const mostBytes = 25e6;

/** The built files that are needed, by their path in the checkout; _virtual has the helpers to which the bundler lowers newer syntax. */
const built = ['out/main', 'out/engine', 'out/data', 'out/shared', 'out/renderer', 'out/wasm', 'out/_virtual'];
const plain = ['resources', 'docs', 'README.md', 'LICENSE'];

for (const path of ['out/main/cli/index.js', 'out/renderer/index.html', 'out/wasm/kernels.wasm']) {
  if (!existsSync(join(root, path))) throw new Error(`${path} is not built: run "npm run pack", which builds it first`);
}

const staged = mkdtempSync(join(tmpdir(), 'covature-pack-'));
try {
  // The documents are included as plain Markdown, without the site.
  const site = ['docs/.vitepress', 'docs/reference', 'docs/public'].map((path) => join(root, path));
  for (const path of [...built, ...plain])
    if (existsSync(join(root, path)))
      cpSync(join(root, path), join(staged, path), { recursive: true, filter: (from) => !site.includes(from) });
  mkdirSync(join(staged, 'bin'));
  cpSync(join(root, 'scripts/npm-bin.mjs'), join(staged, 'bin/covature.mjs'));
  const own = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  writeFileSync(join(staged, 'package.json'), `${JSON.stringify(descriptionOf(own), null, 2)}\n`);
  const [packed] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--pack-destination', staged, staged], {
      encoding: 'utf8',
      shell: process.platform === 'win32',
    }),
  );
  mkdirSync(target, { recursive: true });
  const file = join(target, packed.filename);
  rmSync(file, { force: true });
  cpSync(join(staged, packed.filename), `${file}.partial`);
  renameSync(`${file}.partial`, file);
  const { size } = statSync(file);
  process.stdout.write(
    `${file}: ${(size / 1e6).toFixed(1)} MB packed, ${(packed.unpackedSize / 1e6).toFixed(1)} MB unpacked, ${packed.entryCount} files\n`,
  );
  if (size > mostBytes) throw new Error(`the package is larger than the ${mostBytes / 1e6} MB that are allowed`);
} finally {
  rmSync(staged, { recursive: true, force: true });
}

/**
 * @param {{ name: string, version: string, description: string, license: string, dependencies: Record<string, string>,
 *   optionalDependencies: Record<string, string> }} own
 * @returns {object}
 */
function descriptionOf({ name, version, description, license, dependencies, optionalDependencies }) {
  const peers = Object.fromEntries(Object.entries(optionalDependencies).filter(([peer]) => !peer.startsWith('node-')));
  return {
    name,
    version,
    description,
    license,
    type: 'module',
    engines: { node: '>=22.14' },
    bin: { covature: 'bin/covature.mjs' },
    dependencies,
    // Devices: used if they are installed alongside, never installed with it.
    peerDependencies: peers,
    peerDependenciesMeta: Object.fromEntries(Object.keys(peers).map((peer) => [peer, { optional: true }])),
    covature: commitOfCheckout(),
  };
}
