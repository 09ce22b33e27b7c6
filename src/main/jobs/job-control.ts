/** What the main side, or a signal, asks of a job while it runs; checked between steps and between the stages of a measurement. */

export class JobControl {
  /** A checkpoint is wanted at the next step, and the job goes on. */
  checkpointRequested = false;
  readonly #cancelled = new AbortController();
  readonly #abandoned = new AbortController();
  #pauseRequested = false;
  #timer: NodeJS.Timeout | null = null;

  /** Aborted: the job ends as cancelled. */
  get signal(): AbortSignal {
    return this.#cancelled.signal;
  }

  /** Aborted with the job, and by a pause that does not wait for the measurement under way. */
  get measuring(): AbortSignal {
    return AbortSignal.any([this.#cancelled.signal, this.#abandoned.signal]);
  }

  /** A checkpoint at the next step, and an end as paused. */
  get pauseRequested(): boolean {
    return this.#pauseRequested;
  }

  cancel(): void {
    this.#cancelled.abort(new Error('cancelled'));
  }

  /**
   * @param patience milliseconds that a measurement under way may take to finish; then it is given up, and repeated when the run is resumed. Null: as
   * long as it takes
   */
  pause(patience: number | null): void {
    this.#pauseRequested = true;
    if (patience === null || this.#timer !== null) return;
    this.#timer = setTimeout(() => {
      this.#abandoned.abort(new Error('paused'));
    }, patience);
    this.#timer.unref();
  }
}
