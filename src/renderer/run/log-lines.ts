/** The lines of a log: those of a snapshot, and those that are reported meanwhile and afterwards, in batches with increasing numbers. */
import type { LogLine } from '../../shared/contract/index.ts';

interface LogBatch {
  readonly batch: number;
  readonly lines: readonly LogLine[];
}

export class LogLines {
  readonly #most: number;
  /** Number of the first batch that the snapshot does not hold; null before there is a snapshot. */
  #next: number | null = null;
  #early: LogBatch[] = [];
  lines: readonly LogLine[] = [];

  /** Keeps the last `most` lines. */
  constructor(most: number) {
    this.#most = most;
  }

  start({ lines, next }: { readonly lines: readonly LogLine[]; readonly next: number }): void {
    this.lines = lines;
    this.#next = next;
    for (const batch of this.#early.splice(0)) this.add(batch);
  }

  /** What comes before the snapshot waits for it; what the snapshot already holds is left out. */
  add(batch: LogBatch): void {
    if (this.#next === null) this.#early.push(batch);
    else if (batch.batch >= this.#next) this.lines = [...this.lines, ...batch.lines].slice(-this.#most);
  }
}
