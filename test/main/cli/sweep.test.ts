/** A sweep on the command line: the same list as in the workbench, whole, by member, and by range. */
import { writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { expect, test } from 'vitest';
import { openStore } from '../../../src/main/store/index.ts';
import { expandSweep } from '../../support/sweep.ts';
import { cli, temporaryFolder } from '../../support/cli.ts';

const folder = temporaryFolder();
const file = path.join(folder, 'sweep.json');
const sweep = {
  name: 'sweep',
  dataset: { source: 'glyphs', train: 40, test: 10 },
  model: { input: [784], layers: [{ type: 'dense', name: 'fc1', units: 10 }], loss: 'cross-entropy' },
  optimiser: { lr: [0.1, 0.05, 0.02] },
  batch_size: 20,
  epochs: 1,
};
writeFileSync(file, JSON.stringify(sweep));

/** Rate and seed of the runs of a store, in the order in which they were made. */
function made(store: string): [number, number][] {
  using opened = openStore(store, { readOnly: true });
  const { rows } = opened.listRuns({ sort: [{ key: 'created' }], limit: 100 });
  return rows
    .map(({ id }) => opened.getRun(id)?.experiment as { optimiser: { lr: number }; seed: number })
    .map(({ optimiser, seed }) => [optimiser.lr, seed]);
}

const order = [
  [0.1, 1],
  [0.1, 2],
  [0.05, 1],
  [0.05, 2],
  [0.02, 1],
  [0.02, 2],
];

test.each([
  [[], order],
  [['--member', '4'], [order[3]]],
  [['--members', '2-5'], order.slice(1, 5)],
  [['--members', '6'], [order[5]]],
])('--seeds 1,2 and %j', async (options, expected) => {
  const store = path.join(folder, `store ${options.join(' ')}`);
  const ran = await cli(['run', file, '--seeds', '1,2', ...options, '--store', store, '--blas', 'wasm', '--json']);
  expect(ran.status, ran.stderr).toBe(0);
  const document = JSON.parse(ran.stdout) as unknown;
  expect(Array.isArray(document) ? document.length : 1).toBe(expected.length);
  expect(made(store)).toEqual(expected);
  expect(
    expandSweep({ ...sweep, seed: [1, 2] }).map(({ experiment: { optimiser, seed } }) => [optimiser.lr, seed]),
  ).toEqual(order);
});

test.each([
  [['--member', '7'], 'there are members 1 to 3; received "7"'],
  [['--members', '3-2'], 'there are members 1 to 3; received "3-2"'],
  [['--members', 'all'], 'expected a member or a range as 3-10, received "all"'],
  [['--member', '1', '--members', '2'], '--member and --members exclude each other'],
])('%j is refused before anything is stored', async (options, message) => {
  const store = path.join(folder, 'none');
  const ran = await cli(['run', file, ...options, '--store', store]);
  expect(ran.status).toBe(2);
  expect(ran.stderr).toContain(message);
});

test('a forecast of members that cost alike is one, of others one each', async () => {
  const options = ['--store', path.join(folder, 'forecast'), '--blas', 'wasm', '--json', '--forecast'];
  const alike = JSON.parse((await cli(['run', file, ...options])).stdout) as { runs: number; kinds?: unknown[] };
  expect([alike.runs, alike.kinds]).toEqual([3, undefined]);
  const other = path.join(folder, 'other.json');
  writeFileSync(other, JSON.stringify({ ...sweep, epochs: [1, 2] }));
  const two = JSON.parse((await cli(['run', other, ...options])).stdout) as {
    runs: number;
    kinds: { members: number[] }[];
  };
  expect([two.runs, two.kinds.map(({ members }) => members)]).toEqual([
    6,
    [
      [1, 3, 5],
      [2, 4, 6],
    ],
  ]);
});
