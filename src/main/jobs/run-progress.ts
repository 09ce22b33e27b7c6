/** The progress of a whole job and the time left: from its forecast, corrected by the time that the finished part took. */
import type { JobForecast } from '../forecast/types.ts';

export interface RunShare {
  /** Of the whole job, 0 to 1. */
  readonly share: number;
  readonly secondsLeft: number | null;
}

/** Share done from which its own pace is a better predictor than the forecast. */
const trusted = 0.05;

export class RunProgress {
  readonly #forecast: JobForecast | null;
  readonly #firstStep: number;
  readonly #totalSteps: number;
  readonly #began = performance.now();
  /** Forecast seconds of the measurements that are done, and of the training. */
  #measured = 0;
  #trained = 0;
  #trainedShare = 0;
  /** Progress never goes back, also if a measurement took longer than was forecast, or nothing was. */
  #furthest = 0;

  constructor(forecast: JobForecast | null, firstStep: number, totalSteps: number) {
    this.#forecast = forecast;
    this.#firstStep = firstStep;
    this.#totalSteps = totalSteps;
  }

  /** At a step of the training. */
  training(step: number): RunShare {
    const steps = this.#totalSteps - this.#firstStep;
    this.#trainedShare = step / Math.max(1, this.#totalSteps);
    if (this.#forecast === null) {
      const done = step - this.#firstStep;
      return this.#onwards(this.#trainedShare, done > 0 ? (this.#elapsed / done) * (steps - done) : null);
    }
    const { training, evaluating } = this.#forecast.seconds;
    this.#trained = steps === 0 ? 0 : ((training + evaluating) * (step - this.#firstStep)) / steps;
    return this.#standing(this.#trained + this.#measured);
  }

  /** Within the measurement of a parameter: `share` of it done; `index` of `count` that are due at this step. */
  measuring(parameter: string, share: number, index: number, count: number): RunShare {
    if (this.#forecast === null) return this.#onwards((index + share) / count, null);
    return this.#standing(this.#trained + this.#measured + share * this.#secondsOf(parameter));
  }

  finished(parameter: string): void {
    this.#measured += this.#secondsOf(parameter);
  }

  get #elapsed(): number {
    return (performance.now() - this.#began) / 1000;
  }

  #secondsOf(parameter: string): number {
    const forecast = this.#forecast?.measurements.find((each) => each.parameter === parameter && each.refusal === null);
    return forecast?.seconds ?? 0;
  }

  #standing(done: number): RunShare {
    const total = this.#forecast?.seconds.total ?? 0;
    if (!(total > 0)) return { share: 0, secondsLeft: null };
    const share = Math.min(1, done / total);
    const left = total - done;
    const pace = share > trusted && done > 0 ? this.#elapsed / done : 1;
    return this.#onwards(share, Math.max(0, left * pace));
  }

  #onwards(share: number, secondsLeft: number | null): RunShare {
    this.#furthest = Math.max(this.#furthest, share);
    return { share: this.#furthest, secondsLeft };
  }
}
