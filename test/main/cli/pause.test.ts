/** SIGTERM and SIGUSR1, as a scheduler or a shutdown sends them: the run pauses at the step it has come to, and goes on to the same end. */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { startRun } from '../../../src/main/services/runs.ts';
import { openStore } from '../../../src/main/store/index.ts';
import { parseExperiment } from '../../../src/shared/experiment.ts';
import { cli, temporaryFolder } from '../../support/cli.ts';
import { listeningPorts, processes } from '../../support/processes.ts';
import { describeWhere } from '../../support/skips.ts';
import { trainingTime } from '../../../src/shared/training-time.ts';

const folder = temporaryFolder();
const store = path.join(folder, 'store');
const entry = fileURLToPath(new URL('../../../src/main/cli/index.ts', import.meta.url));
const common = ['--store', store, '--blas', 'wasm', '--threads', '1', '--json'];

const experiment = {
  name: 'paused',
  dataset: { source: 'glyphs', train: 300, test: 50 },
  model: {
    input: [784],
    layers: [
      { type: 'dense', name: 'fc1', units: 12 },
      { type: 'activation', function: 'tanh' },
      { type: 'dense', name: 'fc2', units: 10 },
    ],
    loss: 'cross-entropy',
  },
  optimiser: { lr: 0.05, momentum: 0.9 },
  batch_size: 20,
  epochs: 150,
};

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** TCP ports that processes of the command listened on after the signal. */
  readonly listening: number;
}

/** Runs a command in a process group of its own and sends it a signal once standard error fits `when`. */
function interrupted(
  args: readonly string[],
  signal: NodeJS.Signals,
  when: RegExp,
  whom: 'group' | 'main' | 'worker',
): Promise<Ended> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', entry, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let [stdout, stderr, sent, listening] = ['', '', false, 0];
  let timer: NodeJS.Timeout | undefined;
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
    if (sent || !when.test(stderr) || child.pid === undefined) return;
    sent = true;
    const members = groupOf(child.pid);
    const worker = members.find((pid) => pid !== child.pid);
    process.kill(whom === 'group' ? -child.pid : whom === 'main' ? child.pid : (worker ?? NaN), signal);
    timer = setInterval(() => {
      listening = Math.max(listening, ...members.map(listeningPorts));
    }, 20);
  });
  return new Promise((resolve) => {
    child.on('close', (status) => {
      clearInterval(timer);
      resolve({ status, stdout, stderr, listening });
    });
  });
}

function groupOf(leader: number): number[] {
  return processes().flatMap(({ pid, group }) => (group === leader ? [pid] : []));
}

interface Document {
  readonly id: string;
  readonly status: string;
  readonly step: number;
}

/** Final weights and every point of every series but the times. */
function resultOf(id: string): unknown {
  using opened = openStore(store, { readOnly: true });
  const series = Object.entries(opened.series(id))
    .filter(([name]) => name !== trainingTime)
    .map(([name, { steps, values }]) => [name, [...steps], [...values]]);
  return { weights: readFileSync(opened.lastCheckpoint(id)?.file.path ?? '', 'latin1'), series };
}

const here = process.platform === 'linux' ? true : 'signals are looked at through Linux’s /proc';

describeWhere(here, 'a signal pauses a run', () => {
  test.each([
    ['SIGTERM', 'group'],
    ['SIGUSR1', 'group'],
    ['SIGUSR1', 'main'],
    ['SIGTERM', 'worker'],
  ] as const)(
    '%s to the %s: paused at the exact step, status 75, no inspector; resumed to the same end',
    async (signal, whom) => {
      const file = path.join(folder, `${signal}-${whom}.json`);
      writeFileSync(file, JSON.stringify(experiment));
      const undisturbed = JSON.parse((await cli(['run', file, ...common])).stdout) as Document;
      const ended = await interrupted(['run', file, ...common], signal, /\d+ % training/, whom);
      const paused = JSON.parse(ended.stdout) as Document;
      expect([paused.status, ended.listening], ended.stderr).toEqual(['paused', 0]);
      // A worker that pauses by itself is no pause of the command.
      expect(ended.status).toBe(whom === 'worker' ? 0 : 75);
      expect(paused.step).toBeGreaterThan(0);
      expect(paused.step).toBeLessThan(150 * 15);
      {
        using opened = openStore(store, { readOnly: true });
        expect(opened.lastCheckpoint(paused.id)?.step).toBe(paused.step);
      }
      const resumed = await cli(['run', '--resume', paused.id, ...common]);
      expect(resumed.status, resumed.stderr).toBe(0);
      expect(resultOf(paused.id)).toEqual(resultOf(undisturbed.id));
    },
  );

  const measuring = (probes: number): unknown => ({
    ...experiment,
    epochs: 1,
    measurements: [
      { parameters: ['fc1.kernel'], method: 'projected', top: 5, density: { probes, steps: 100 } },
      { parameters: ['fc2.bias'] },
    ],
  });

  test('while it measures: that measurement is finished, and the next made when the run goes on', async () => {
    const file = path.join(folder, 'measuring.json');
    writeFileSync(file, JSON.stringify(measuring(4)));
    const ended = await interrupted(['run', file, ...common], 'SIGTERM', /measuring fc1/, 'group');
    const paused = JSON.parse(ended.stdout) as Document & { readonly measurements: readonly unknown[] };
    expect([ended.status, paused.status, paused.step], ended.stderr).toEqual([75, 'paused', 15]);
    expect(paused.measurements).toHaveLength(1);
    const resumed = await cli(['run', '--resume', paused.id, ...common]);
    const done = JSON.parse(resumed.stdout) as typeof paused;
    expect([resumed.status, done.status, done.measurements.length], resumed.stderr).toEqual([0, 'done', 2]);
  });

  test('a measurement that does not end in a third of the grace is given up, and the run is paused with its checkpoint', async () => {
    using opened = openStore(path.join(folder, 'given-up'));
    let asked = false;
    const started = startRun(opened, parseExperiment(measuring(1000)), {
      engine: { blas: 'wasm', threads: 1, memoryLimit: 0, backend: 'cpu' },
      baseFolder: folder,
      onEvent: (event) => {
        if (asked || event.kind !== 'progress' || !event.stage.startsWith('measuring fc1')) return;
        asked = true;
        started.job.pause(6000);
      },
    });
    const end = await started.done;
    expect(end).toMatchObject({ kind: 'ended', event: { outcome: 'paused' } });
    expect(opened.measurements(started.id)).toEqual([]);
    expect([opened.getRun(started.id)?.status, opened.lastCheckpoint(started.id)?.step]).toEqual(['paused', 15]);
  });
});
