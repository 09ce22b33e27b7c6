/** Every command that README and docs show exists with the options it is shown with, and those that are quick run. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { givenValues, takesValue } from '../../src/main/cli/flags.ts';
import { commands } from '../../src/main/cli/main.ts';
import { cliHere, temporaryFolder } from '../support/cli.ts';
import { commandsIn, documents, type ShownCommand } from './documents.ts';

const root = new URL('../../', import.meta.url);
const { scripts } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as {
  scripts: Record<string, string>;
};
const shown = documents().flatMap(commandsIn);
const ofCovature = shown.filter(({ program }) => program === 'covature');

/** Raises an Error naming the option or command that there is not. */
async function check({ args, isWhole }: Pick<ShownCommand, 'args' | 'isWhole'>): Promise<void> {
  const [name, ...rest] = args;
  if (['--version', '--help', 'COMMAND', '<command>'].includes(name)) return;
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry === undefined) throw new Error(`there is no command "${name}"`);
  const { flags } = await entry.load();
  // What follows "--" goes to sbatch.
  const own = name === 'submit' && rest.includes('--') ? rest.slice(0, rest.indexOf('--')) : rest;
  const words = own.filter((word) => !['...', '[options]', '--help', '|'].includes(word));
  // "covature run --resume" in a sentence leaves out what comes next.
  const last = /^--(.+)$/.exec(words.at(-1) ?? '')?.[1];
  if (!isWhole && last !== undefined && last in flags && takesValue(flags[last])) words.push('VALUE');
  givenValues(words, flags, [0, Infinity]);
}

describe('commands in the documents', () => {
  test('are found', () => {
    expect(ofCovature.length).toBeGreaterThan(60);
    expect(shown.filter(({ program }) => program === 'npm').length).toBeGreaterThan(5);
  });

  test.each(ofCovature)('$place  $text', async (command) => {
    await check(command);
  });

  test('that do not exist, or have an option that does not, are found out', async () => {
    await expect(check({ args: ['mesure', '--run', 'RUN'], isWhole: true })).rejects.toThrow('no command "mesure"');
    await expect(check({ args: ['measure', '--layer', 'fc1'], isWhole: true })).rejects.toThrow(/layer/);
  });

  test('of npm are scripts of package.json, and files that node runs are there', () => {
    for (const { place, program, args } of shown) {
      if (program === 'npm')
        expect([...Object.keys(scripts), 'test', 'start'], `${place}: npm run ${args[0]}`).toContain(args[0]);
      if (program === 'node') expect(existsSync(new URL(args[0], root)), `${place}: ${args[0]}`).toBe(true);
    }
  });
});

test('every option of a command stands in its help, and the help names no other', async () => {
  /** What a help says of other programs and commands. */
  const others = ['silent', 'partition', 'help', 'host', 'port', 'format', 'precision'];
  for (const [name, { load }] of Object.entries(commands)) {
    const { help, flags } = await load();
    const named = new Set([...help.matchAll(/(?<![\w-])--([a-z][a-z-]*)/g)].map(([, option]) => option));
    for (const [option, { hidden }] of Object.entries(flags))
      if (hidden !== true) expect([...named], `${name} --help`).toContain(option);
    for (const option of named)
      if (!others.includes(option)) expect(Object.keys(flags), `${name} --help`).toContain(option);
  }
});

describe('quick commands of the documents', () => {
  const folder = temporaryFolder();
  const before = process.cwd();
  let run = '';
  /** Commands that look at runs, or measure a small one. */
  const quick = ['list', 'show', 'export', 'report', 'compare', 'datasets', 'python', 'bundle'];
  /** What stands for something of the reader's own, and what it stands for here. */
  const filled = (word: string): string => (word === 'RUN' || word === 'mnist-ce' ? run : word);
  const runnable = ofCovature.filter(({ place, args: [name, ...rest], isWhole }) => {
    // Words in capitals, files of the reader's and ids of a fictitious store stand for what is not here.
    const open = rest.filter(
      (word) =>
        word !== 'RUN' &&
        (/^[A-Z]{2,}/.test(word) ||
          /\.(pdf|json|zip|covature-model|covature)$/.test(word) ||
          /^[a-f][0-9][a-f0-9]+$/.test(word)),
    );
    const writes = rest[rest.indexOf('--out') + 1];
    const missing = open.filter((word) => !(rest.includes('--out') && word === writes));
    const isOffline = name !== 'datasets' || rest.length === 0 || rest[0] === 'show';
    return (
      isWhole &&
      // Those of the gallery are run by its script, of networks that take their time.
      !place.startsWith('docs/gallery.md') &&
      quick.includes(name) &&
      missing.length === 0 &&
      isOffline &&
      !rest.includes('...') &&
      !rest.includes('--stored')
    );
  });

  beforeAll(async () => {
    process.chdir(folder);
    vi.stubEnv('COVATURE_HOME', path.join(folder, 'store'));
    mkdirSync(path.join(folder, 'store'));
    const layers = [10, 8, 10].flatMap((units, k) => [
      ...(k === 0 ? [] : [{ type: 'activation', function: 'relu' }]),
      { type: 'dense', name: `fc${k + 1}`, units },
    ]);
    const experiment = {
      name: 'glyphs',
      dataset: { source: 'glyphs', train: 300, test: 100 },
      model: { input: [784], layers, loss: 'cross-entropy' },
      optimiser: { lr: [0.1, 0.05] },
      batch_size: 20,
      epochs: 2,
      measurements: [{ parameters: ['fc2.kernel'], duality: true, assumptions: true }],
    };
    writeFileSync('experiment.json', JSON.stringify(experiment));
    const { status, stdout, stderr } = await cliHere(['run', 'experiment.json', '--json']);
    expect(status, stderr).toBe(0);
    run = (JSON.parse(stdout) as { id: string }[])[0].id;
  });

  afterAll(() => {
    process.chdir(before);
    vi.unstubAllEnvs();
  });

  test('are some', () => {
    expect(runnable.length).toBeGreaterThan(5);
  });

  test.each(runnable)('$place  $text', async ({ place, args }) => {
    // What one writes is not in the way of another.
    const own = path.join(folder, place.replaceAll(/[/:]/g, '-'));
    mkdirSync(own, { recursive: true });
    process.chdir(own);
    const { status, stderr } = await cliHere(args.map(filled));
    expect(status, stderr).toBe(0);
  });
});
