/** What `covature bench --peers` says where Python or its packages are missing, and that both sides do the same work. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { openWasmBlas } from '../../../src/engine/blas/wasm.ts';
import { measureExact } from '../../../src/engine/curvature/exact.ts';
import { Pool } from '../../../src/engine/parallel/pool.ts';
import { benchData, trainedInput } from '../../../src/main/bench/input.ts';
import { askPeers, problemFile } from '../../../src/main/bench/peers.ts';
import { loadKernels } from '../../../src/main/blas-module.ts';
import { describeWhere } from '../../support/skips.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'covature-peers-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function python(name: string, text: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, `#!/bin/sh\n${text}\n`);
  chmodSync(file, 0o755);
  return file;
}

test.each([
  [
    'no Python',
    () => path.join(folder, 'nothing'),
    /nothing is not installed: the peers are Python packages \(pip install torch/,
  ],
  [
    'a Python without torch',
    () => python('bare', `echo '{"error": "python3 lacks a package: No module named torch"}'`),
    /^python3 lacks a package: No module named torch \(pip install torch numpy/,
  ],
  [
    'a job that fails',
    () => python('failing', 'echo "Traceback" >&2; echo "MemoryError: 1 GB" >&2; exit 1'),
    /failed: MemoryError: 1 GB$/,
  ],
])('%s: said, with the command that helps', async (_, command, message) => {
  await expect(askPeers(['versions'], command())).rejects.toThrow(message);
});

const torch =
  spawnSync('python3', ['-c', 'import torch, numpy'], { encoding: 'utf8' }).status === 0 ||
  'python3 has no torch and numpy';

describeWhere(torch, 'the peers of the bench', () => {
  test('C, H and Q by PyTorch and NumPy have the traces that are measured here', async () => {
    const blas = await openWasmBlas(loadKernels());
    const pool = new Pool(blas, { threads: 1 });
    const input = trainedInput(blas, 6, await benchData(100, undefined));
    const options = { parameter: 'fc2.kernel', samples: 100, seed: 1, libraryThreads: 1, intervals: false };
    const { summary, release } = await measureExact(pool, input, options);
    release();
    await pool.close();
    const problem = await problemFile(folder, input, 100);
    const { versions, rows, found } = await askPeers(['exact', '--problem', problem], 'python3', 300);
    expect(versions['torch']).toMatch(/^\d/);
    expect(rows).toHaveLength(5);
    for (const { value } of rows) expect(value).toBeGreaterThan(0);
    expect(rows.every(({ note }) => !note.includes('not done'))).toBe(true);
    for (const name of ['C', 'H', 'Q'] as const)
      expect((found?.[name] ?? NaN) / summary.trace[name]).toBeCloseTo(1, 10);
  });

  test('a row that takes longer than it may or lacks a package says so, and the others go on', () => {
    const body = [
      'import sys, time',
      `sys.path.insert(0, ${JSON.stringify(fileURLToPath(new URL('../../../scripts', import.meta.url)))})`,
      'sys.dont_write_bytecode = True',
      'import importlib; peers = importlib.import_module("bench-peers")',
      'peers.limit = 1',
      'rows = []',
      'peers.limited(rows, "slow", "s", lambda: time.sleep(30) or [])',
      'peers.limited(rows, "fast", "s", lambda: [{"peer": "fast", "value": 2.0, "unit": "s", "note": ""}])',
      'peers.limited(rows, "broken", "s", lambda: 1 / 0)',
      'peers.limited(rows, "absent", "s", lambda: importlib.import_module("covature_nothing"))',
      'print([(row["peer"], row["value"], row["note"]) for row in rows])',
    ].join('\n');
    const { stdout } = spawnSync('python3', ['-c', body], { encoding: 'utf8' });
    expect(stdout.trim()).toBe(
      "[('slow', None, 'not done within 1 s'), ('fast', 2.0, ''), ('broken', None, 'division by zero'), " +
        `('absent', None, "not measured, for a package is missing: No module named 'covature_nothing'")]`,
    );
  });
});
