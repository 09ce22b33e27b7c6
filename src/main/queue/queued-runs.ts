/** The runs that wait in the store, in their order, read once after every change of the queue. */
import type { JobInfo } from '../../shared/contract/index.ts';
import type { Store } from '../store/index.ts';
import { queuedInfo } from './job.ts';

/** Runs named at most. */
const listed = 200;

export interface QueuedList {
  readonly total: number;
  /** The first of them. */
  readonly jobs: readonly JobInfo[];
}

export class QueuedRuns {
  readonly #store: Store;
  #list: QueuedList | null = null;

  constructor(store: Store) {
    this.#store = store;
  }

  /** They may have changed: they are read again when next needed. */
  forget(): void {
    this.#list = null;
  }

  list(): QueuedList {
    if (this.#list === null) {
      const { rows, total } = this.#store.listRuns({
        status: ['queued'],
        archived: 'any',
        sort: [{ key: 'priority', descending: true }, { key: 'created' }],
        limit: listed,
      });
      this.#list = { total, jobs: rows.map(queuedInfo) };
    }
    return this.#list;
  }
}
