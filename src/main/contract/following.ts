/** Runs that a training loop elsewhere writes, followed while they grow: each as a job, which may be cancelled, and each file once. */
import * as path from 'node:path';
import type { Bus, RunChanges } from '../queue/bus.ts';
import { relayBatch } from '../queue/job.ts';
import type { JobQueue } from '../queue/queue.ts';
import { followRunLog } from '../services/run-log.ts';
import type { CheckedModel } from '../services/model-check.ts';
import type { Json, Store } from '../store/index.ts';

export interface FollowOptions {
  readonly store: Store;
  readonly queue: JobQueue;
  readonly bus: Bus;
  readonly changes: RunChanges;
  readonly provenance: Json;
  readonly project: string | null;
  readonly check: (file: string) => Promise<CheckedModel>;
}

export interface FollowedLog {
  readonly id: string;
  readonly added: boolean;
  /** Whether the run continues. */
  readonly following: boolean;
}

/** Files that are followed now, by path. */
export class FollowedRuns {
  readonly #ids = new Map<string, string>();

  /**
   * Imports what is in the file, and follows it until its run ends. Resolves once the run is in the store with everything that was there; rejects if the file
   * is not a run or its model does not agree with PyTorch.
   */
  follow(file: string, { store, queue, bus, changes, ...taking }: FollowOptions): Promise<FollowedLog> {
    const known = this.#ids.get(file);
    if (known !== undefined) return Promise.resolve({ id: known, added: false, following: true });
    const { promise, resolve, reject } = Promise.withResolvers<FollowedLog>();
    let run: string | null = null;
    let revision = 0;
    const task = queue.task(`Follow ${path.basename(file)}`, ({ signal, progress }) =>
      followRunLog(
        store,
        file,
        {
          ...taking,
          onRun: (id) => {
            run = id;
            revision = store.getRun(id)?.revision ?? 0;
            this.#ids.set(file, id);
            changes.note([id]);
          },
          onBatch: (id, batch) => {
            relayBatch(bus, id, revision, batch);
            progress(`at step ${batch.step ?? 0}`, 0);
          },
          onChange: (id) => {
            changes.note([id]);
          },
          onCaughtUp: (taken) => {
            resolve({ id: taken.id, added: taken.added, following: !taken.ended });
          },
        },
        signal,
      ),
    );
    task.done
      .then(
        () => undefined,
        (error: unknown) => {
          reject(error instanceof Error ? error : new Error(String(error)));
        },
      )
      .finally(() => {
        this.#ids.delete(file);
        if (run !== null) changes.note([run]);
      });
    return promise;
  }
}
