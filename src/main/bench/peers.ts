/**
 * Covature beside PyTorch and packages built on it, doing the same work on the same machine, one after the other in one run: scripts/bench-peers.py, where python3
 * has torch. The ratios are the result; the seconds are specific to this machine.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeSafetensors } from '../../data/formats/safetensors.ts';
import { readModelFile } from '../../data/model-file.ts';
import { measureExact } from '../../engine/curvature/exact.ts';
import type { MeasurementInput } from '../../engine/curvature/measurement-input.ts';
import type { TrainingData } from '../../engine/training/trainer.ts';
import type { Pool } from '../../engine/parallel/pool.ts';
import { Random } from '../../shared/random.ts';
import { InputError } from '../../shared/errors.ts';
import type { OpenedEngine } from '../jobs/engine.ts';
import { libraryThreadsOf } from '../jobs/engine.ts';
import { benchData, trainedInput } from './input.ts';
import { eigenpairsBench } from './projected.ts';
import { processorTime, trainingJobs, benchTrainingRate } from './training.ts';
import type { TrainingJob } from './training.ts';

/** Covature's number and a peer's for the same work. */
export interface PeerRow {
  readonly what: string;
  readonly unit: 's' | 'steps/s';
  readonly own: number;
  readonly peer: string;
  /** null: the peer could not do it; the note says why. */
  readonly value: number | null;
  /** How many times as fast Covature is. */
  readonly ratio: number | null;
  readonly note: string;
}

export interface PeersReport {
  /** "torch": "2.13.0"; of every package that took part. */
  readonly versions: Readonly<Record<string, string>>;
  readonly rows: readonly PeerRow[];
}

export interface PeersTask {
  readonly engine: OpenedEngine;
  readonly pool: Pool;
  readonly folder: string | undefined;
  /** Of the two exact measurements. */
  readonly samples: readonly number[];
  readonly parts: ReadonlySet<string>;
  /** Seconds that a peer may take for a row; one that takes longer is left out and says so. */
  readonly limit: number;
  readonly python?: string;
  readonly say: (text: string) => void;
}

interface Answer {
  readonly error?: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly rows: readonly {
    readonly peer: string;
    readonly value: number | null;
    readonly unit: string;
    readonly note: string;
  }[];
  readonly found?: Readonly<Record<string, number>>;
}

/** Rows of a job of the peers, at most; and seconds for what goes before them. */
const rowsOfJob = 6;
const before = 300;
/** Seconds that a job without a limit of its rows may take. */
const patience = 1800;

/** What the peers' script returns for a job. Raises InputError if python3 or torch is missing, or the job fails. @param limit seconds that a row may take */
export async function askPeers(args: readonly string[], python = 'python3', limit?: number): Promise<Answer> {
  const limited = limit === undefined ? args : [...args, '--limit', String(limit)];
  const seconds = limit === undefined ? patience : before + rowsOfJob * limit;
  const answer = (await runScript('bench-peers.py', limited, python, seconds)) as Answer;
  if (answer.error === undefined) return answer;
  throw new InputError(`${answer.error} (pip install torch numpy scipy pyhessian curvlinops-for-pytorch)`);
}

/** scripts/bench-torch-layers.py's rows, in seconds of processor time. */
interface Layers {
  readonly samples: number;
  readonly directions: number;
  readonly rows: readonly {
    readonly network: string;
    readonly layer: string;
    readonly d: number;
    readonly products: number;
    readonly method: string;
    readonly covature: number;
    readonly torch: number;
  }[];
}

/** The JSON on the last line of what a script prints. */
function runScript(name: string, args: readonly string[], python: string, seconds = patience): Promise<unknown> {
  const script = fileURLToPath(new URL(`../../../scripts/${name}`, import.meta.url));
  if (!existsSync(script)) return Promise.reject(new InputError(`scripts/${name} exists only in a checkout`));
  return new Promise((resolve, reject) => {
    execFile(python, [script, ...args], { timeout: 1000 * seconds, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      if (error !== null) {
        const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
        const said = error.killed === true ? `not done within ${seconds} s` : (stderr.trim().split('\n').at(-1) ?? '');
        reject(
          new InputError(
            isMissing
              ? `${python} is not installed: the peers are Python packages (pip install torch numpy scipy pyhessian curvlinops-for-pytorch)`
              : `${python} failed: ${said === '' ? error.message : said}`,
          ),
        );
        return;
      }
      resolve(JSON.parse(stdout.trim().split('\n').at(-1) ?? ''));
    });
  });
}

/** All that is asked for, in one run. Raises InputError as `askPeers` does. */
export async function peersBench(task: PeersTask): Promise<PeersReport> {
  const { engine, parts, say, python } = task;
  const { versions } = await askPeers(['versions'], python);
  /** A job that fails as a whole becomes a row that says why; the others continue. */
  const ask = async (unit: PeerRow['unit'], args: readonly string[]): Promise<Answer> => {
    try {
      return await askPeers(args, python, task.limit);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      return { versions, rows: [{ peer: 'Python', value: null, unit, note: error.message }] };
    }
  };
  const rows: PeerRow[] = [];
  /** @param more a note on Covature's side, on the first row. */
  const add = (what: string, unit: PeerRow['unit'], own: number, peers: Answer['rows'], more = ''): void => {
    for (const [i, { peer, value, note }] of peers.entries()) {
      const ratio = value === null ? null : unit === 's' ? value / own : own / value;
      const notes = [note, i === 0 ? more : ''].filter((each) => each !== '');
      rows.push({ what, unit, own, peer, value, ratio, note: notes.join('; ') });
    }
  };
  const folder = await mkdtemp(path.join(tmpdir(), 'covature-peers-'));
  try {
    if (parts.has('sgd')) {
      const most = engine.report.threads;
      for (const [network, job, data] of await trainingOf(folder, task)) {
        for (const threads of most > 1 ? [1, most] : [1]) {
          const what = `${job.what}, batch 50, float32, ${threads === 1 ? 'processor time of 1 thread' : `${threads} threads`}`;
          say(what);
          const clock = threads === 1 ? processorTime : undefined;
          const { steps } = await benchTrainingRate(engine.trainingBlas(), job, data, threads, clock);
          const answer = await ask('steps/s', ['sgd', '--network', network, '--threads', String(threads)]);
          add(what, 'steps/s', steps, answer.rows);
        }
      }
    }
    const threads = ['--threads', String(engine.report.threads)];
    if (parts.has('exact')) {
      for (const samples of task.samples) {
        say(`C, H and Q of a 50 x 50 layer, ${samples} samples`);
        const input = trainedInput(engine.trainingBlas(), 50, await benchData(samples, task.folder));
        const { sums, core, traces } = await ownExact(task, input, samples);
        const answer = await ask('s', ['exact', '--problem', await problemFile(folder, input, samples), ...threads]);
        const gap = Math.max(
          ...Object.entries(answer.found ?? {}).map(([name, value]) => Math.abs(value / traces[name] - 1)),
        );
        const agreement = `traces agree to ${gap.toExponential(0)}`;
        const of = (note: string): Answer['rows'] =>
          answer.rows.filter((each) => each.note === note).map((each) => ({ ...each, note: '' }));
        const what = `50 x 50 layer, ${samples} samples, float64`;
        add(`C, H and Q: ${what}`, 's', sums, of('sums'), agreement);
        add(
          `C, H and Q: ${what}`,
          's',
          sums,
          answer.rows.filter(({ note }) => note !== 'sums' && note !== 'core'),
        );
        add(`the same with eigenpairs, C_ii and Q_ii: ${what}`, 's', core, of('core'));
      }
    }
    if (parts.has('network')) {
      const [samples] = task.samples;
      say('ten leading eigenpairs of the whole network');
      const input = trainedInput(engine.trainingBlas(), 50, await benchData(samples, task.folder));
      const eigenpairs = await eigenpairsBench(task.pool, input, { samples, count: 10, tolerance: 1e-3 });
      const problem = await problemFile(folder, input, samples);
      const products = ['--products', String(eigenpairs.products)];
      const answer = await ask('s', ['network', '--problem', problem, ...products, ...threads]);
      add(
        `ten leading eigenpairs of ${eigenpairs.d} weights, ${samples} samples, residuals below 1e-3`,
        's',
        eigenpairs.seconds,
        answer.rows,
        `Covature: ${eigenpairs.products} products, largest ${eigenpairs.eigenvalues[0].toPrecision(6)}`,
      );
    }
    if (parts.has('projected')) {
      say('layers of a ResNet-18 and of a GPT: whole measurements, processor seconds of one thread');
      const layers = (await runScript('bench-torch-layers.py', ['--json'], python ?? 'python3')) as Layers;
      for (const { network, layer, d, products, method, covature, torch } of layers.rows) {
        const what = `${method} measurement of ${layer} (d = ${d}), ${network}, ${layers.samples} samples, float64, processor time of 1 thread`;
        const note = `${products} products h_p v of every sample alone, in proportion from two`;
        add(what, 's', covature, [{ peer: 'torch.func', value: torch, unit: 's', note }]);
      }
    }
    return { versions, rows };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The bench's own networks, and two that the peers' script exports from PyTorch. */
async function trainingOf(
  folder: string,
  { folder: digits, python }: PeersTask,
): Promise<[network: string, job: TrainingJob, data: TrainingData][]> {
  const data = await benchData(2000, digits);
  const jobs: [string, TrainingJob, TrainingData][] = trainingJobs().map((job, i) => [['mlp', 'cnn'][i], job, data]);
  for (const [network, what, samples] of [
    ['gpt', 'SGD on a transformer block (width 64, 4 heads, 32 tokens)', 500],
    ['resnet', 'SGD on ResNet-18 (width 16, 32 x 32)', 200],
  ] as const) {
    const file = path.join(folder, `${network}.covature-model`);
    await askPeers(['export', '--network', network, '--to', file], python);
    const { model } = await readModelFile(file);
    const size = model.input.reduce((product, n) => product * n, 1);
    const random = new Random(1);
    const isTokens = network === 'gpt';
    const drawn = (count: number): Float32Array =>
      Float32Array.from({ length: count }, () => (isTokens ? Math.floor(65 * random.uniform()) : random.uniform()));
    const targets = isTokens ? drawn(samples * size) : new Float32Array(10 * samples);
    if (!isTokens) for (let p = 0; p < samples; p++) targets[10 * p + (p % 10)] = 1;
    jobs.push([network, { what, model, isShared: true }, { inputs: drawn(samples * size), targets }]);
  }
  return jobs;
}

/** Seconds of the sums with their unpacking, and with the eigendecomposition and the diagonals. */
async function ownExact(
  { engine, pool }: PeersTask,
  input: MeasurementInput,
  samples: number,
): Promise<{ readonly sums: number; readonly core: number; readonly traces: Readonly<Record<string, number>> }> {
  let best = { sums: Infinity, core: Infinity };
  let traces: Readonly<Record<string, number>> = {};
  for (let run = 0; run < 2; run++) {
    const { summary, release } = await measureExact(pool, input, {
      parameter: 'fc2.kernel',
      samples,
      seed: 1,
      libraryThreads: libraryThreadsOf(engine.report),
      intervals: false,
    });
    release();
    const { factors = 0, products = 0, unpacking = 0, eigendecomposition = 0, diagonals = 0 } = summary.seconds;
    const sums = factors + products + unpacking;
    best = { sums: Math.min(best.sums, sums), core: Math.min(best.core, sums + eigendecomposition + diagonals) };
    traces = summary.trace;
  }
  return { ...best, traces };
}

/** The trained 784-n-n-10 and its first samples, as the peers' script reads them. */
export async function problemFile(folder: string, input: MeasurementInput, samples: number): Promise<string> {
  const file = path.join(folder, `problem-${samples}.safetensors`);
  const rows = (values: MeasurementInput['inputs'], cols: number) => ({
    dtype: 'F32' as const,
    shape: [samples, cols],
    data: Float32Array.from(values.subarray(0, samples * cols)),
  });
  const width = Math.sqrt(input.weights.get('fc2.kernel')?.length ?? NaN);
  const kernels = [...input.weights].map(([key, data]) => {
    const rows = key === 'fc1.kernel' ? 784 : width;
    return [key, { dtype: 'F64' as const, shape: [rows, data.length / rows], data: Float64Array.from(data) }] as const;
  });
  await writeSafetensors(file, {
    ...Object.fromEntries(kernels),
    inputs: rows(input.inputs, 784),
    targets: rows(input.targets, 10),
  });
  return file;
}
