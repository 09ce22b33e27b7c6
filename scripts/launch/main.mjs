/** What the launcher can start, and the order of its steps: packages, builds, then the command with the pinned Node. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { endLike, launchEnvironment, runInstead, runThrough } from './run.mjs';
import { Interrupted, SetupError, say } from './say.mjs';
import { currentStamp, nodeOf, writeJson } from './stamp.mjs';

/** The folder of the checkout. */
const checkout = fileURLToPath(new URL('../..', import.meta.url)).replace(/[\\/]$/, '');

/** The programs, by the name of their npm script. */
const entries = {
  start: 'src/main/start.ts',
  demo: 'src/main/demo/index.ts',
  covature: 'src/main/cli/index.ts',
};

/** Scripts of this checkout and its packages, each run in the checkout's folder: the arguments that come before the user's, and whether the workbench must be built. */
const scripts = {
  pack: { args: ['scripts/pack.mjs'], built: true },
  docs: { args: ['scripts/docs/site.ts', 'build'], built: false },
  'docs-preview': { args: ['scripts/docs/site.ts', 'preview'], built: false },
  'docs-pictures': { args: ['scripts/docs/gallery.ts'], built: true },
  desktop: { args: ['node_modules/electron-builder/cli.js'], built: true },
  format: { args: ['node_modules/prettier/bin/prettier.cjs', '--write', '--log-level=warn', '.'], built: false },
};

const others = ['test', 'check', 'build', ...Object.keys(scripts), 'tensorflow', 'electron'];

/** @param {string[]} args what to launch, and its own arguments */
export async function main(args) {
  try {
    await launch(args[0] ?? '', args.slice(1));
  } catch (error) {
    if (error instanceof Interrupted) endLike(null, error.signal);
    if (!(error instanceof SetupError)) throw error;
    say(error.message);
    process.exit(1);
  }
}

/** @param {string} what @param {string[]} rest */
async function launch(what, rest) {
  const root = checkout;
  const entry = Object.entries(entries).find(([name]) => name === what)?.[1];
  if (entry === undefined && !others.includes(what)) {
    say(`there is no "${what}" here; there are ${[...Object.keys(entries), ...others].join(', ')}`);
    process.exit(2);
  }
  if (entry !== undefined && !existsSync(join(root, entry))) throw new SetupError(`${entry} is not in this checkout`);
  const stamp = currentStamp(root) ?? (await (await import('./install.mjs')).install(root));
  const node = nodeOf(root, stamp);
  const env = launchEnvironment(root);

  if (entry !== undefined) {
    await buildFor(root, node, what === 'start' || rest[0] === 'serve');
    // npm changes to the checkout's folder; relative paths among the arguments are relative to the user's current folder.
    const cwd =
      process.env['npm_lifecycle_event'] === what && process.cwd() === root ? process.env['INIT_CWD'] : undefined;
    // SIGUSR1 asks a run to pause (run.mjs passes it on); it must never open the inspector.
    const flags = ['--disable-warning=ExperimentalWarning', '--disable-sigusr1'];
    return await runInstead(node, [...flags, join(root, entry), ...rest], { cwd: cwd ?? process.cwd(), env });
  }
  const script = Object.entries(scripts).find(([name]) => name === what)?.[1];
  if (script !== undefined) {
    const options = { cwd: root, env };
    if (script.built) await buildFor(root, node, true);
    if (what === 'desktop') writeJson(join(root, 'out/packed.json'), (await import('./commit.mjs')).commitOf(root));
    if (what === 'format') await runThrough(node, ['node_modules/eslint/bin/eslint.js', '--fix', '.'], options);
    if (what === 'docs-pictures') {
      const { status, signal } = await runThrough(node, ['scripts/docs-pictures.ts'], options);
      if (status !== 0) endLike(status, signal);
    }
    return await runInstead(node, [...script.args, ...rest], options);
  }
  switch (what) {
    case 'build':
      return await buildFor(root, node, true);
    case 'check': {
      const { runChecks } = await import('./check.mjs');
      return process.exit((await runChecks(root, node, env)).length === 0 ? 0 : 1);
    }
    case 'test': {
      await buildFor(root, node, true);
      const { test } = await import('./test.mjs');
      return process.exit(await test(root, node, env, rest));
    }
    default: {
      if (what === 'tensorflow' && rest.length > 0) return await tensorflowFromPython(root, node, rest);
      const { ensureElectron, ensureTensorflow } = await import('./downloads.mjs');
      const ensure = what === 'tensorflow' ? ensureTensorflow : ensureElectron;
      return process.exit((await ensure(root, { node, again: true })) ? 0 : 1);
    }
  }
}

/** @param {string} root @param {string} node @param {string[]} rest */
async function tensorflowFromPython(root, node, rest) {
  const { setUpFromPython, usage } = await import('./tensorflow.mjs');
  if (rest.includes('--help') || rest.includes('-h')) {
    process.stdout.write(usage);
    return process.exit(0);
  }
  if (!rest.includes('--python')) {
    say(`"${rest.join(' ')}" is not understood\n${usage}`);
    return process.exit(2);
  }
  await setUpFromPython(root, { node, args: rest });
}

/** @param {string} root @param {string} node @param {boolean} workbench whether the workbench's bundles are needed */
async function buildFor(root, node, workbench) {
  const { build } = await import('./build.mjs');
  await build(root, node, workbench ? ['kernels', 'workbench'] : ['kernels']);
}
