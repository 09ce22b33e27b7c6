/**
 * Kills `covature run` at random moments with SIGKILL and checks the state that is left: nothing that was stored is lost, the database and its files pass the
 * doctor, the run is marked as interrupted, and when it is resumed (and killed again, and resumed) its result equals that of an undisturbed run bit for bit.
 *
 *   node scripts/kill-runs.ts [--kills 200] [--seed 1] [--blas wasm] [--folder DIR]
 *
 * Some of the kills hit only the main process (during a write as well as anywhere else), some only the worker, some both.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readSafetensors } from '../src/data/formats/safetensors.ts';
import { openStore } from '../src/main/store/index.ts';
import type { Store } from '../src/main/store/index.ts';
import { Random } from '../src/shared/random.ts';
import { trainingTime } from '../src/shared/training-time.ts';

export interface KillOptions {
  /** The number of SIGKILLs that hit a running command. */
  readonly kills: number;
  readonly seed: number;
  /** Default: chosen as usual. */
  readonly blas?: string;
  /** An empty folder, created if it does not exist; by default a temporary one, removed at the end. */
  readonly folder?: string;
  readonly onProgress?: (text: string) => void;
}

const targets = ['main', 'worker', 'both'] as const;
type Target = (typeof targets)[number];

export interface KillReport {
  readonly kills: number;
  readonly by: Readonly<Record<Target, number>>;
  /** Kills before there was a run; while it was reading or training; while it was measuring; after its end was stored. */
  readonly when: Readonly<Record<'before' | 'training' | 'measuring' | 'after', number>>;
  /** Runs that were killed at least once and still finished. */
  readonly runs: number;
  readonly resumes: number;
  /** How many of these have the same result as the undisturbed run, bit for bit. */
  readonly identical: number;
  /** Files that a kill left half written; the doctor found and removed all of them. */
  readonly leftovers: number;
  /** Each is a sentence; empty if all is well. */
  readonly problems: readonly string[];
}

/** A few seconds of training, with measurements midway and at the end, so that kills hit the start, training, measurements, checkpoints and their files. */
const experiment = {
  name: 'killed',
  dataset: { source: 'glyphs', train: 600, test: 200 },
  model: {
    input: [784],
    layers: [
      { type: 'dense', name: 'fc1', units: 32 },
      { type: 'activation', function: 'relu' },
      { type: 'dense', name: 'fc2', units: 8 },
      { type: 'activation', function: 'tanh' },
      { type: 'dense', name: 'fc3', units: 10 },
    ],
    loss: 'cross-entropy',
  },
  optimiser: { lr: 0.05, momentum: 0.9, schedule: { kind: 'cosine' } },
  batch_size: 20,
  epochs: 40,
  seed: 3,
  measurements: [
    { parameters: ['fc3.bias'], when: { kind: 'epochs', epochs: [20] }, samples: 64 },
    { parameters: ['fc3.kernel'], samples: 100 },
  ],
};

const pollMilliseconds = 15;

const entry = fileURLToPath(new URL('../src/main/cli/index.ts', import.meta.url));

export async function killRuns(options: KillOptions): Promise<KillReport> {
  const folder = options.folder ?? mkdtempSync(path.join(tmpdir(), 'covature kills '));
  try {
    return await new Campaign(folder, options).run();
  } finally {
    if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
  }
}

interface Stored {
  readonly status: string;
  readonly batches: number;
  readonly checkpoint: number;
  readonly measurements: readonly string[];
}

class Campaign {
  readonly #place: string;
  readonly #file: string;
  readonly #options: KillOptions;
  readonly #random: Random;
  readonly #by: Record<Target, number> = { main: 0, worker: 0, both: 0 };
  readonly #when = { before: 0, training: 0, measuring: 0, after: 0 };
  readonly #problems: string[] = [];
  #kills = 0;
  #resumes = 0;
  #runs = 0;
  #identical = 0;
  #leftovers = 0;

  constructor(folder: string, options: KillOptions) {
    this.#place = path.join(folder, 'store');
    this.#file = path.join(folder, 'experiment.json');
    this.#options = options;
    this.#random = new Random(options.seed, 'kills');
    mkdirSync(folder, { recursive: true });
    writeFileSync(this.#file, JSON.stringify(experiment));
  }

  async run(): Promise<KillReport> {
    const { essence: reference, life } = await this.#undisturbed();
    while (this.#kills < this.#options.kills && this.#problems.length < 20) await this.#oneRun(reference, life);
    return {
      kills: this.#kills,
      by: this.#by,
      when: this.#when,
      runs: this.#runs,
      resumes: this.#resumes,
      identical: this.#identical,
      leftovers: this.#leftovers,
      problems: this.#problems,
    };
  }

  /** The result of an undisturbed run, and how long it lives in seconds of `age`. */
  async #undisturbed(): Promise<{ readonly essence: string; readonly life: number }> {
    const child = this.#start([this.#file]);
    const closed = once(child.process, 'close') as Promise<[number | null]>;
    let life = 0;
    let status: [number | null] | undefined;
    while (status === undefined) {
      life = Math.max(life, child.age());
      status = await Promise.race([closed, sleep(pollMilliseconds, undefined)]);
    }
    if (status[0] !== 0) throw new Error(`the undisturbed run failed: ${child.text()}`);
    using store = openStore(this.#place, { readOnly: true });
    return { essence: await essence(store, store.listRuns().rows[0].id), life };
  }

  /** A run that is killed up to four times and then runs to its end. */
  async #oneRun(reference: string, life: number): Promise<void> {
    const { kills, onProgress } = this.#options;
    let id: string | null = null;
    let killed = 0;
    const most = 1 + this.#random.below(4);
    for (;;) {
      const lives = killed >= most || this.#kills >= kills;
      if (id !== null) this.#resumes++;
      const child = this.#start(id === null ? [this.#file] : ['--resume', id]);
      const closed = once(child.process, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
      const moment = lives ? Infinity : this.#random.uniform() * life;
      let ended: [number | null, NodeJS.Signals | null] | undefined;
      do ended = await Promise.race([closed, sleep(pollMilliseconds, undefined)]);
      while (ended === undefined && child.age() < moment);
      if (ended !== undefined) {
        id ??= runIn(child.text());
        if (ended[0] !== 0 || id === null) {
          this.#problem(`a run that was not disturbed ended with ${String(ended[0] ?? ended[1])}: ${child.text()}`);
          return;
        }
        if (killed > 0) await this.#compare(id, reference);
        return;
      }
      id ??= runIn(child.text());
      const before = id === null ? null : this.#look(id);
      const target = this.#kill(child.process, this.#random.below(3));
      if (target === null) {
        await closed;
        continue;
      }
      const stage = child.text();
      await closed;
      id ??= runIn(child.text());
      killed++;
      this.#kills++;
      this.#by[target]++;
      const goesOn = await this.#check(id, before, target, stage);
      if (!goesOn) {
        if (id !== null) await this.#compare(id, reference);
        return;
      }
      if (this.#kills % 5 === 0) onProgress?.(`${this.#kills} of ${kills} kills, ${this.#problems.length} problems`);
    }
  }

  #start(args: readonly string[]): Child {
    const { blas } = this.#options;
    const engine = [...(blas === undefined ? [] : ['--blas', blas]), '--threads', '1', '--store', this.#place];
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', entry, 'run', ...args, ...engine], {
      stdio: ['ignore', 'ignore', 'pipe'],
      // Its worker is in its process group, so that one signal reaches both.
      detached: true,
    });
    let text = '';
    child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
    const begun = performance.now();
    return {
      process: child,
      text: () => text,
      age: () => processorSeconds(child.pid) ?? (performance.now() - begun) / 1000,
    };
  }

  /** What is stored at this moment, as another process reads it during the run. */
  #look(id: string): Stored | null {
    try {
      using store = openStore(this.#place, { readOnly: true });
      return stored(store, id);
    } catch {
      // Nothing is stored yet.
      return null;
    }
  }

  /** Kills the process; null if it had already ended. */
  #kill(child: ChildProcess, which: number): Target | null {
    const { pid } = child;
    if (pid === undefined || child.exitCode !== null) return null;
    const target = targets[which];
    try {
      if (target === 'both') process.kill(-pid, 'SIGKILL');
      else if (target === 'main') process.kill(pid, 'SIGKILL');
      else {
        const worker = this.#workerPid();
        if (worker === null) return this.#kill(child, 0);
        process.kill(worker, 'SIGKILL');
      }
      return target;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') return null;
      throw error;
    }
  }

  /** The state of the current run in the store. */
  #workerPid(): number | null {
    try {
      using store = openStore(this.#place, { readOnly: true });
      const row = store.listRuns({ filter: 'status = "running"' }).rows[0];
      return row === undefined ? null : (store.getRun(row.id)?.pid ?? null);
    } catch {
      return null;
    }
  }

  /** Checks what a kill left behind; returns whether the run has to be resumed. */
  async #check(id: string | null, before: Stored | null, target: Target, text: string): Promise<boolean> {
    // A worker whose parent has ended ends at its next message.
    using store = await this.#openSoon();
    const { problems } = await store.doctor({ repair: true });
    for (const { code, message } of problems) {
      if (code === 'orphan' || code === 'temporary') this.#leftovers++;
      else this.#problem(`after a kill of ${target}: ${code}: ${message}`);
    }
    if (id === null) {
      this.#when.before++;
      return false;
    }
    const now = stored(store, id);
    // When it starts again, a resumed run goes back to its checkpoint.
    if (before?.status === 'running') {
      if (now.batches < before.batches) this.#problem(`batches were lost: ${now.batches} of ${before.batches}`);
      if (now.checkpoint < before.checkpoint) this.#problem(`a checkpoint at step ${before.checkpoint} was lost`);
      for (const each of before.measurements)
        if (!now.measurements.includes(each)) this.#problem(`measurement ${each} was lost`);
    }
    if (now.status === 'done') {
      this.#when.after++;
      return false;
    }
    if (now.status !== 'interrupted') this.#problem(`a killed run is ${now.status}; expected interrupted`);
    this.#when[/measuring[^\n]*\n?$/.test(text) ? 'measuring' : 'training']++;
    return true;
  }

  /** The lock of a killed process is released at once; its worker never holds one. */
  async #openSoon(): Promise<Store> {
    for (let tries = 0; ; tries++) {
      try {
        return openStore(this.#place);
      } catch (error) {
        if (tries === 20) throw error;
        await sleep(50);
      }
    }
  }

  async #compare(id: string, reference: string): Promise<void> {
    this.#runs++;
    using store = openStore(this.#place, { readOnly: true });
    const run = store.getRun(id);
    if (run?.status !== 'done') {
      this.#problem(`run ${id} ended with the status ${run?.status ?? 'gone'}`);
      return;
    }
    if ((await essence(store, id)) === reference) this.#identical++;
    else this.#problem(`run ${id} ended differently from the undisturbed one`);
  }

  #problem(text: string): void {
    this.#problems.push(text);
    this.#options.onProgress?.(`PROBLEM: ${text}`);
  }
}

interface Child {
  readonly process: ChildProcess;
  readonly text: () => string;
  /** Seconds of processor time of the process and its worker, so that a busy machine does not shift kills to another stage; seconds of the clock on systems other than Linux. */
  readonly age: () => number;
}

/** null if the system does not say. */
function processorSeconds(pid: number | undefined): number | null {
  if (process.platform !== 'linux' || pid === undefined) return null;
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    let ticks = 0;
    for (const each of [String(pid), ...children.filter((child) => child !== '')]) {
      const fields = readFileSync(`/proc/${each}/stat`, 'utf8')
        .replace(/^.*\) /, '')
        .split(' ');
      // utime and stime, in hundredths of a second.
      ticks += Number(fields[11]) + Number(fields[12]);
    }
    return ticks / 100;
  } catch {
    // One of them has just ended: the next check asks again.
    return 0;
  }
}

function runIn(text: string): string | null {
  return /^run (\w+)$/m.exec(text)?.[1] ?? null;
}

function stored(store: Store, id: string): Stored {
  const run = store.getRun(id);
  return {
    status: run?.status ?? 'gone',
    batches: run?.nextBatch ?? 0,
    checkpoint: store.lastCheckpoint(id)?.step ?? -1,
    measurements: store
      .measurements(id)
      .map((each) => `${each.parameter} at step ${each.step}, ${each.id}, ${each.arrays?.sha256 ?? '-'}`),
  };
}

/** Everything in a run's result except times, ids and paths: final weights and optimiser, series, measurements with their arrays. */
async function essence(store: Store, id: string): Promise<string> {
  const checkpoint = store.lastCheckpoint(id);
  const values = Object.entries(store.getRun(id)?.values ?? {})
    .filter(([key]) => !/^seconds|^steps_per_second$|^peak_memory$/.test(key))
    .map(([key, { value, text }]) => [key, value, text]);
  const content = async (file: string | undefined): Promise<unknown> => {
    const { tensors, metadata } = await readSafetensors(file ?? '');
    return [
      [...tensors].map(([name, { data }]) => [
        name,
        Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64'),
      ]),
      metadata['state'],
    ];
  };
  const series = Object.entries(store.series(id))
    .filter(([name]) => name !== trainingTime)
    .map(([name, each]) => [name, [...each.steps], [...each.values]]);
  const measurements = [];
  for (const each of store.measurements(id)) {
    measurements.push([
      each.parameter,
      each.step,
      { ...each.summary, seconds: null },
      each.arrays === null ? null : await content(each.arrays.path),
    ]);
  }
  return JSON.stringify([
    values.sort(),
    checkpoint?.step,
    await content(checkpoint?.file.path),
    series.sort(),
    measurements.map((each) => JSON.stringify(each)).sort(),
  ]);
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      kills: { type: 'string' },
      seed: { type: 'string' },
      blas: { type: 'string' },
      folder: { type: 'string' },
    },
  });
  const begun = performance.now();
  const report = await killRuns({
    kills: Number(values.kills ?? 200),
    seed: Number(values.seed ?? 1),
    ...(values.blas !== undefined && { blas: values.blas }),
    ...(values.folder !== undefined && { folder: values.folder }),
    onProgress: (text) => {
      process.stderr.write(`${text}\n`);
    },
  });
  process.stdout.write(
    `${JSON.stringify({ ...report, seconds: Math.round((performance.now() - begun) / 1000) }, null, 2)}\n`,
  );
  process.exitCode = report.problems.length > 0 ? 1 : 0;
}
