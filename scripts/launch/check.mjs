/** `npm run check`: types, unused code, lint, format. All of them run in parallel, even if one fails; the messages of each are printed together. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { runQuietly } from './run.mjs';
import { duration, say } from './say.mjs';

/**
 * @typedef {object} Check
 * @property {string} name
 * @property {string[]} args a script and its arguments, run by the pinned Node
 */

/** @param {string} root @returns {Check[]} */
function checksOf(root) {
  const cache = (/** @type {string} */ name) => join('out/.checked', name);
  const checks = [
    {
      name: 'types',
      args: [
        'node_modules/typescript/bin/tsc',
        '-p',
        '.',
        '--incremental',
        '--tsBuildInfoFile',
        cache('types.tsbuildinfo'),
      ],
    },
    { name: 'unused code', args: ['node_modules/knip/bin/knip.js', '--no-progress'] },
    { name: 'lint', args: ['node_modules/eslint/bin/eslint.js', '.', '--max-warnings=0'] },
    {
      name: 'format',
      args: [
        ...['node_modules/prettier/bin/prettier.cjs', '--check', '.', '--log-level=warn'],
        ...['--cache', '--cache-strategy=content', '--cache-location', cache('prettier')],
      ],
    },
  ];
  if (existsSync(join(root, 'src/renderer')) && readdirSync(join(root, 'src/renderer')).length > 0) {
    const args = [
      'node_modules/svelte-check/bin/svelte-check',
      '--tsconfig',
      './src/renderer/tsconfig.json',
      '--fail-on-warnings',
    ];
    checks.splice(1, 0, { name: 'renderer types', args });
  }
  return checks;
}

/**
 * Runs every check. Returns the names of those that failed.
 * @param {string} root
 * @param {string} node
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<string[]>}
 */
export async function runChecks(root, node, env) {
  const results = await Promise.all(
    checksOf(root).map(async (check) => {
      const started = performance.now();
      const { status, output } = await runQuietly(node, check.args, { cwd: root, env });
      say(`${check.name}: ${status === 0 ? 'passed' : 'FAILED'} (${duration(performance.now() - started)})`);
      if (status !== 0) process.stderr.write(output.endsWith('\n') ? output : `${output}\n`);
      return { name: check.name, status };
    }),
  );
  return results.filter(({ status }) => status !== 0).map(({ name }) => name);
}
