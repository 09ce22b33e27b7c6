/** Every command is run as users do: in the file that is named here, or, the quick ones without a file of their own, below. */
import { readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { commands } from '../../../src/main/cli/main.ts';
import { cli, cliHere, temporaryFolder } from '../../support/cli.ts';

/** Files below test, by command. */
const elsewhere: Readonly<Record<string, string>> = {
  demo: 'launcher/run.test.ts',
  run: 'main/cli/flow.test.ts',
  measure: 'main/cli/flow.test.ts',
  list: 'main/cli/flow.test.ts',
  show: 'main/cli/flow.test.ts',
  export: 'main/cli/flow.test.ts',
  report: 'main/cli/figures.test.ts',
  import: 'main/cli/flow.test.ts',
  python: 'main/cli/python.test.ts',
  bundle: 'main/bundle/bundle.test.ts',
  submit: 'main/cluster/scenarios/submitted.ts',
  cluster: 'main/cluster/scenarios/submitted.ts',
  serve: 'e2e/package.test.ts',
  doctor: 'main/cli/support-report.test.ts',
};
const quick = ['verify', 'compare', 'rerun', 'datasets'];
/** They take minutes: what they compute is tested in test/engine/statistics, test/main/study and test/main/bench. */
const slow = ['validate', 'reproduce', 'bench'];

test('there is a test of every command', () => {
  expect([...Object.keys(elsewhere), ...quick, ...slow].toSorted()).toEqual(Object.keys(commands).toSorted());
  for (const [name, file] of Object.entries(elsewhere))
    expect(readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8'), file).toMatch(
      new RegExp(`[[(]\\s*'${name}'[,\\])]`),
    );
});

test.each(Object.keys(commands))('%s refuses an option that it does not have, by status 2', async (name) => {
  const { status, stdout, stderr } = await cliHere([name, '--surprise']);
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(`covature ${name}: `);
  expect(stderr).toMatch('--surprise');
});

describe('on two small runs', () => {
  const folder = temporaryFolder();
  const store = ['--store', path.join(folder, 'store')];
  const engine = ['--blas', 'wasm', '--threads', '1'];
  let ids: string[] = [];

  beforeAll(async () => {
    const file = path.join(folder, 'experiment.json');
    const experiment = {
      name: 'small',
      dataset: { source: 'glyphs', train: 60, test: 20 },
      model: {
        input: [784],
        layers: [
          { type: 'dense', name: 'fc1', units: 4 },
          { type: 'activation', function: 'tanh' },
          { type: 'dense', name: 'fc2', units: 10, bias: false },
        ],
        loss: 'cross-entropy',
      },
      optimiser: { lr: 0.1 },
      batch_size: 20,
      epochs: 1,
    };
    writeFileSync(file, JSON.stringify(experiment));
    const { status, stderr } = await cli(['run', file, '--seeds', '1,2', ...store, ...engine]);
    expect(status, stderr).toBe(0);
    const listed = await cli(['list', '--json', ...store]);
    ids = (JSON.parse(listed.stdout) as { rows: { id: string }[] }).rows.map(({ id }) => id);
    expect(ids.length).toBe(2);
  }, 120_000);

  const json = async (...args: string[]): Promise<unknown> => {
    const { status, stdout, stderr } = await cli([...args, '--json', ...store]);
    expect(status, stderr).toBe(0);
    return JSON.parse(stdout);
  };

  test('verify: the model of a run agrees with the oracle', async () => {
    expect(await json('verify', '--run', ids[0], '--parameter', 'fc2.kernel', ...engine)).toMatchObject({
      agrees: true,
    });
  });

  test('compare: both runs, and the seed in which they differ', async () => {
    const text = JSON.stringify(await json('compare', ...ids));
    for (const id of ids) expect(text).toContain(id);
    expect(text).toContain('seed');
  });

  test('rerun: the same results again', async () => {
    const { status, stdout, stderr } = await cli(['rerun', ids[0], ...store, ...engine]);
    expect(status, stderr).toBe(0);
    expect(stdout).toMatch(/all results equal\n$/);
  });

  test('datasets: those that are generated, and what a file holds', async () => {
    expect(JSON.stringify(await json('datasets'))).toContain('mnist');
    const file = path.join(folder, 'table.csv');
    writeFileSync(file, 'a,b,label\n1,2,0\n3,4,1\n');
    expect(await json('datasets', 'show', file)).toMatchObject({ shape: [2], outputs: 2 });
  });
});
