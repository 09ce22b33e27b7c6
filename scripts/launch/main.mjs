/** What the launcher can start, and the order of its steps: packages, builds, then the program with the pinned Node. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { build } from './build.mjs';
import { install } from './install.mjs';
import { checkout, endLike, launchEnvironment, plainly, runThrough } from './run.mjs';
import { SetupError, say } from './say.mjs';
import { currentStamp, nodeOf } from './stamp.mjs';

/**
 * @typedef {object} Program
 * @property {string[][]} run scripts of this checkout and its packages, with their arguments, one after the other, even if one fails; the user's
 *   arguments go to the last
 * @property {(keyof typeof import('./build.mjs').tasks)[]} [build] what must be built first
 * @property {boolean} [elsewhere] whether its arguments may be paths, which are relative to the user's current folder
 */

/** By the name that package.json's scripts give to the launcher. @type {Record<string, Program>} */
const programs = {
  start: { run: [['src/main/start.ts']], build: ['kernels', 'workbench'], elsewhere: true },
  demo: { run: [['src/main/demo/index.ts']], build: ['kernels'], elsewhere: true },
  covature: { run: [['src/main/cli/index.ts']], build: ['kernels'], elsewhere: true },
  test: { run: [['scripts/test.ts']], build: ['kernels', 'workbench'] },
  check: { run: [['scripts/check.ts']] },
  build: { run: [], build: ['kernels', 'workbench'] },
  pack: { run: [['scripts/pack.mjs']], build: ['kernels', 'workbench'] },
  docs: { run: [['scripts/docs/site.ts', 'build']] },
  'docs-preview': { run: [['scripts/docs/site.ts', 'preview']] },
  'docs-pictures': {
    run: [['scripts/docs-pictures.ts'], ['scripts/docs/gallery.ts']],
    build: ['kernels', 'workbench'],
  },
  desktop: {
    run: [['scripts/commit.ts'], ['node_modules/electron-builder/cli.js']],
    build: ['kernels', 'workbench'],
  },
  format: {
    run: [
      ['node_modules/eslint/bin/eslint.js', '--fix', '.'],
      ['node_modules/prettier/bin/prettier.cjs', '--write', '--log-level=warn', '.'],
    ],
  },
  tensorflow: { run: [['scripts/setup/tensorflow.ts']] },
  electron: { run: [['scripts/setup/electron.ts']] },
};

/** SIGUSR1 asks a run to pause (run.mjs passes it on); it must never open the inspector. */
const flags = ['--disable-warning=ExperimentalWarning', '--disable-sigusr1'];

/** @param {string[]} args what to launch, and its own arguments */
export async function main([what = '', ...rest]) {
  await plainly(async () => {
    const program = Object.hasOwn(programs, what) ? programs[what] : undefined;
    if (program === undefined) {
      say(`there is no "${what}" here; there are ${Object.keys(programs).join(', ')}`);
      process.exit(2);
    }
    const missing = program.run.find(([script]) => script?.startsWith('src/') && !existsSync(join(checkout, script)));
    if (missing !== undefined) throw new SetupError(`${missing[0]} is not in this checkout`);
    const stamp = currentStamp() ?? (await install());
    const node = nodeOf(stamp);
    // The window that `covature serve` shows is the workbench.
    await build(node, rest[0] === 'serve' ? ['kernels', 'workbench'] : (program.build ?? []));

    // npm changes to the checkout's folder, and says where it was called.
    const isFromNpm = process.env['npm_lifecycle_event'] === what && process.cwd() === checkout;
    const cwd = program.elsewhere ? (isFromNpm && process.env['INIT_CWD']) || process.cwd() : checkout;
    let failed = 0;
    for (const [i, [script = '', ...args]] of program.run.entries()) {
      const given = i === program.run.length - 1 ? rest : [];
      const { status, signal } = await runThrough(node, [...flags, join(checkout, script), ...args, ...given], {
        cwd,
        env: launchEnvironment(),
      });
      if (signal !== null) endLike(status, signal);
      failed ||= status ?? 1;
    }
    process.exit(failed);
  });
}
