/** `npm run check`: types, unused code, lint, format. All of them run in parallel, even if one fails; the messages of each are printed together. */
import { checkout, runQuietly } from './launch/run.mjs';
import { duration, say } from './launch/say.mjs';

/** Scripts of the packages and their arguments, by the name that the user is told. */
const checks: Readonly<Record<string, readonly string[]>> = {
  types: [
    'node_modules/typescript/bin/tsc',
    ...['-p', '.', '--incremental', '--tsBuildInfoFile', 'out/.checked/types.tsbuildinfo'],
  ],
  'renderer types': [
    'node_modules/svelte-check/bin/svelte-check',
    ...['--tsconfig', './src/renderer/tsconfig.json', '--fail-on-warnings'],
  ],
  'unused code': ['node_modules/knip/bin/knip.js', '--no-progress'],
  lint: ['node_modules/eslint/bin/eslint.js', '.', '--max-warnings=0'],
  format: [
    ...['node_modules/prettier/bin/prettier.cjs', '--check', '.', '--log-level=warn'],
    ...['--cache', '--cache-strategy=content', '--cache-location', 'out/.checked/prettier'],
  ],
};

/** Runs every check in the folder `root`. Returns the names of those that failed. */
export async function runChecks(root: string): Promise<string[]> {
  const results = await Promise.all(
    Object.entries(checks).map(async ([name, args]) => {
      const started = performance.now();
      const { status, output } = await runQuietly(process.execPath, [...args], { cwd: root });
      say(`${name}: ${status === 0 ? 'passed' : 'FAILED'} (${duration(performance.now() - started)})`);
      if (status !== 0) process.stderr.write(output.endsWith('\n') ? output : `${output}\n`);
      return { name, status };
    }),
  );
  return results.filter(({ status }) => status !== 0).map(({ name }) => name);
}

if (import.meta.main) process.exitCode = (await runChecks(checkout)).length === 0 ? 0 : 1;
