/** The stages of a measurement, one after the other: each is reported, can be stopped before it begins, and its wall-clock seconds are kept under its name. */
import type { ProgressOptions } from './options.ts';

/** Options of a part of a measurement, whose progress is that from `from` to `to` of the whole, 0 to 1. */
export function partOf<T extends ProgressOptions>(options: T, from: number, to: number): T {
  return { ...options, onProgress: (stage, share) => options.onProgress?.(stage, from + (to - from) * share) };
}

export class Stages {
  /** By stage, of several of one name together; and `total` once finished. */
  readonly seconds: Record<string, number> = {};
  readonly #started = performance.now();
  readonly #options: ProgressOptions;

  constructor(options: ProgressOptions) {
    this.#options = options;
  }

  /** @param share of the measurement that is done when the stage begins, 0 to 1. */
  readonly run = async <T>(name: string, share: number, body: () => Promise<T>): Promise<T> => {
    this.#options.signal?.throwIfAborted();
    this.tell(name, share);
    return this.time(name, body);
  };

  /** A stage that is not reported and before which the measurement cannot be stopped. */
  async time<T>(name: string, body: () => Promise<T>): Promise<T> {
    const begun = performance.now();
    const result = await body();
    this.seconds[name] = (this.seconds[name] ?? 0) + (performance.now() - begun) / 1000;
    return result;
  }

  /** Reports the progress of the current stage. */
  tell(name: string, share: number): void {
    this.#options.onProgress?.(name, share);
  }

  finish(): void {
    this.seconds['total'] = (performance.now() - this.#started) / 1000;
  }
}
