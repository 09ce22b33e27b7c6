/** The tutorial, done as it says on a smaller sample: every command in its order, and the paper compiled from what they wrote. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { cliHere, temporaryFolder } from '../support/cli.ts';
import { describeWhere } from '../support/skips.ts';
import { commandsIn } from './documents.ts';

const docs = new URL('../../docs/', import.meta.url);
const page = readFileSync(new URL('tutorial.md', docs), 'utf8');
const experiment = JSON.parse(readFileSync(new URL('paper/tutorial.json', docs), 'utf8')) as {
  readonly dataset: object;
};
const folder = temporaryFolder();
const before = process.cwd();

beforeAll(() => {
  process.chdir(folder);
  vi.stubEnv('COVATURE_HOME', path.join(folder, 'store'));
  const smaller = { ...experiment, dataset: { ...experiment.dataset, train: 500, test: 100 }, epochs: 2 };
  writeFileSync('tutorial.json', JSON.stringify(smaller));
});
afterAll(() => {
  process.chdir(before);
  vi.unstubAllEnvs();
});

describe('the tutorial', () => {
  test('shows the experiment of its file', () => {
    const [, shown] = /```json\n([\s\S]*?)```/.exec(page) ?? [];
    expect(JSON.parse(shown)).toEqual(experiment);
  });

  test('can be done as it says', { timeout: 300_000 }, async () => {
    const commands = commandsIn('docs/tutorial.md').filter(({ program, isWhole }) => program === 'covature' && isWhole);
    expect(commands.map(({ args: [name] }) => name)).toEqual([
      'run',
      'list',
      'show',
      'compare',
      'export',
      'export',
      'bundle',
      'bundle',
    ]);
    let runs: string[] = [];
    for (const { text, args } of commands) {
      let next = 0;
      const words = args.map((word) => (word === 'RUN' ? runs[next++] : word));
      const { status, stdout, stderr } = await cliHere(words);
      expect(status, `${text}\n${stdout}${stderr}`).toBe(0);
      if (args[0] === 'run') runs = [...stdout.matchAll(/^run (\w+) {2}tutorial$/gm)].map(([, id]) => id);
      expect(runs).toHaveLength(3);
    }
  });
});

const latex = spawnSync('pdflatex', ['--version'], { encoding: 'utf8' }).status === 0;
describeWhere(
  latex || 'no pdflatex is installed (Debian: texlive-latex-base, texlive-latex-recommended)',
  'its paper',
  () => {
    test('compiles from the files that its commands wrote, without a warning of what is missing or too wide', () => {
      const paper = path.join(folder, 'paper');
      copyFileSync(new URL('paper/paper.tex', docs), path.join(paper, 'paper.tex'));
      for (let pass = 0; pass < 2; pass++) {
        const made = spawnSync('pdflatex', ['-halt-on-error', '-interaction=nonstopmode', 'paper.tex'], {
          cwd: paper,
          encoding: 'utf8',
        });
        expect(made.status, made.stdout).toBe(0);
      }
      const log = readFileSync(path.join(paper, 'paper.log'), 'latin1');
      expect(log.match(/^(LaTeX Warning|pdfTeX warning|Overfull \\hbox).*$/gm) ?? []).toEqual([]);
      expect(readFileSync(path.join(paper, 'paper.pdf')).subarray(0, 5).toString()).toBe('%PDF-');
    });
  },
);
