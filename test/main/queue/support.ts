/** A store, a queue over it, and what its windows would be told. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContractEvents, EventName, JobInfo } from '../../../src/shared/contract/index.ts';
import { parseExperiment } from '../../../src/shared/experiment.ts';
import { forkLauncher } from '../../../src/main/jobs/launcher.ts';
import type { ProcessLauncher } from '../../../src/main/jobs/launcher.ts';
import { gatherProvenance } from '../../../src/main/provenance.ts';
import { Bus, RunChanges } from '../../../src/main/queue/bus.ts';
import { JobQueue } from '../../../src/main/queue/queue.ts';
import { openStore } from '../../../src/main/store/index.ts';
import type { Json, RunRecord, Store } from '../../../src/main/store/index.ts';

/** Trains within some seconds: 12 inputs, few samples. `epochs` sets how long. */
export const tiny = {
  name: 'tiny',
  dataset: { source: 'gaussian-mixture', train: 400, test: 100, dimensions: 6, classes: 3 },
  model: {
    input: [6],
    layers: [
      { type: 'dense', name: 'fc1', units: 5 },
      { type: 'activation', function: 'tanh' },
      { type: 'dense', name: 'fc2', units: 3 },
    ],
    loss: 'cross-entropy',
  },
  optimiser: { lr: 0.05 },
  batch_size: 20,
  epochs: 2,
  measurements: [{ parameters: ['fc2.kernel'] }],
};

/** Runs for minutes unless it is ended. */
export const endless = { ...tiny, name: 'endless', epochs: 2_000_000, measurements: [] };

export function temporaryFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'covature-test-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export interface Told {
  readonly event: EventName;
  readonly payload: ContractEvents[EventName];
}

export class TestQueue {
  readonly store: Store;
  readonly bus = new Bus();
  readonly changes = new RunChanges(this.bus);
  readonly queue: JobQueue;
  readonly told: Told[] = [];

  constructor(folder: string, options: { limit?: number; launcher?: ProcessLauncher } = {}) {
    this.store = openStore(folder);
    const provenance = gatherProvenance();
    this.bus.listen((event, payload) => this.told.push({ event, payload }));
    this.queue = new JobQueue({
      store: this.store,
      bus: this.bus,
      changes: this.changes,
      launcher: options.launcher ?? forkLauncher,
      engine: () => ({ blas: 'wasm', threads: 1, memoryLimit: 0 }),
      limit: () => options.limit ?? 1,
      provenance: () => provenance,
    });
  }

  add(experiment: object, priority = 0): string {
    const parsed = parseExperiment(experiment);
    return this.store.createRun({
      name: parsed.name,
      experiment: parsed as unknown as Json,
      status: 'queued',
      priority,
      fields: { base_folder: this.store.folder },
    });
  }

  run(id: string): RunRecord {
    const run = this.store.getRun(id);
    if (run === undefined) throw new Error(`run ${id} is gone`);
    return run;
  }

  job(id: string): JobInfo | undefined {
    return this.queue.snapshot().jobs.find((job) => job.id === id);
  }

  payloads<E extends EventName>(event: E): ContractEvents[E][] {
    return this.told.filter((each) => each.event === event).map((each) => each.payload as ContractEvents[E]);
  }

  /** Acts the moment that a run is measured for the first time: polling may come when it has ended. */
  async whenMeasured(run: string, act: () => void): Promise<void> {
    await new Promise<void>((resolve) => {
      const stop = this.bus.listen((event, payload) => {
        if (event !== 'measurements.changed' || (payload as { run: string }).run !== run) return;
        stop();
        act();
        resolve();
      });
    });
  }

  async status(id: string, ...wanted: string[]): Promise<RunRecord> {
    return until(
      () => {
        const run = this.run(id);
        return wanted.includes(run.status) ? run : undefined;
      },
      `run ${id} to be ${wanted.join(' or ')}`,
    );
  }

  async close(): Promise<void> {
    await this.queue.close(500);
    this.changes.flush();
    this.store.close();
  }
}

/** What `look` answers once it is neither undefined nor false. */
export async function until<T>(
  look: () => T | undefined | false | Promise<T | undefined | false>,
  what: string,
  milliseconds = 100_000,
): Promise<T> {
  const began = performance.now();
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() - began > milliseconds) throw new Error(`waited ${milliseconds} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
