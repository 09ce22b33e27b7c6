/** How long the queue will take, from the runs that were trained to their end in this session. */
import type { Job } from './job.ts';

export class RunTimes {
  #count = 0;
  #seconds = 0;

  /** A run was trained to its end in so many seconds. */
  add(seconds: number): void {
    this.#count++;
    this.#seconds += seconds;
  }

  /** Seconds until nothing is left, `limit` jobs at once; null while they are not known: a job has not told, or none was trained yet. */
  left(running: Iterable<Job>, queued: number, limit: number): number | null {
    let longest = 0;
    for (const { info } of running) {
      const left = info.progress?.secondsLeft;
      if (left === undefined || left === null) return null;
      longest = Math.max(longest, left);
    }
    if (queued === 0) return longest;
    return this.#count === 0 ? null : longest + (queued * (this.#seconds / this.#count)) / limit;
  }
}
