/** Ctrl+C: a terminal sends it to the command and to its worker process alike. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openStore } from '../../../src/main/store/index.ts';
import { temporaryFolder } from '../../support/cli.ts';

const folder = temporaryFolder();
const store = path.join(folder, 'store');
const entry = fileURLToPath(new URL('../../../src/main/cli/index.ts', import.meta.url));
const unix = process.platform !== 'win32';

test.runIf(unix)(
  'a run that is cancelled from the terminal keeps a checkpoint at the step it had come to',
  async () => {
    const file = path.join(folder, 'long.json');
    const experiment = {
      name: 'long',
      dataset: { source: 'glyphs', train: 200, test: 50 },
      model: {
        input: [784],
        layers: [{ type: 'dense', name: 'fc1', units: 10 }],
        loss: 'cross-entropy',
      },
      optimiser: { lr: 0.01 },
      batch_size: 20,
      epochs: 1e6,
    };
    writeFileSync(file, JSON.stringify(experiment));
    const args = [
      '--disable-warning=ExperimentalWarning',
      entry,
      'run',
      file,
      '--store',
      store,
      '--blas',
      'wasm',
      '--json',
    ];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
      if (/\d+ % training/.test(stderr) && child.pid !== undefined) process.kill(-child.pid, 'SIGINT');
    });
    const status = await new Promise((resolve) => child.on('close', resolve));
    expect(status, stderr).toBe(1);
    const { id, step } = JSON.parse(stdout) as { id: string; step: number };
    expect(step).toBeGreaterThan(0);
    using opened = openStore(store, { readOnly: true });
    expect(opened.getRun(id)?.status).toBe('cancelled');
    expect(opened.lastCheckpoint(id)?.step).toBe(step);
  },
);
