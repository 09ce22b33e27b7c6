/** Metrics on their way to the main side, sent together a few times a second. */
import type { JobEvent, MetricPoints } from './protocol.ts';

const intervalMilliseconds = 150;

export class MetricBuffer {
  readonly #emit: (event: JobEvent) => void;
  #series = new Map<string, { steps: number[]; values: number[] }>();
  #lastFlush = performance.now();

  constructor(emit: (event: JobEvent) => void) {
    this.#emit = emit;
  }

  /** A later value of a series at the same step replaces the earlier one. */
  add(name: string, step: number, value: number): void {
    let points = this.#series.get(name);
    if (points === undefined) {
      points = { steps: [], values: [] };
      this.#series.set(name, points);
    }
    if (points.steps.at(-1) === step) points.values[points.values.length - 1] = value;
    else {
      points.steps.push(step);
      points.values.push(value);
    }
  }

  /** Sends what there is, and a progress event, unless that happened just now. */
  flushSometimes(step: number, progress: () => JobEvent): void {
    if (performance.now() - this.#lastFlush < intervalMilliseconds) return;
    this.flush(step);
    this.#emit(progress());
  }

  flush(step: number): void {
    this.#lastFlush = performance.now();
    if (this.#series.size === 0) return;
    const series: Record<string, MetricPoints> = Object.fromEntries(this.#series);
    this.#series = new Map();
    this.#emit({ kind: 'metrics', step, series });
  }
}
