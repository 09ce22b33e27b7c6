/** How fast a run trains while it is displayed: steps a second over the last seconds of training, and the time left of the whole run. */
import type { Client } from '../../shared/contract/index.ts';

/** The span that the speed is taken over. */
const spanMilliseconds = 10_000;
/** Below this the clock's grain shows. */
const leastMilliseconds = 500;

export class Throughput {
  /** Of the last event; 0 before any. */
  step = $state(0);
  /** Steps a second of training; null until two events lie far enough apart. Stays as it is while the run measures. */
  rate = $state<number | null>(null);
  secondsLeft = $state<number | null>(null);
  readonly #client: Client;
  readonly #run: string;
  /** Of training alone, since it last began. */
  #events: { readonly time: number; readonly step: number }[] = [];

  constructor(client: Client, run: string) {
    this.#client = client;
    this.#run = run;
  }

  /** Returns a function that stops it. */
  listen(): () => void {
    return this.#client.on('run.progress', ({ run, step, stage, secondsLeft }) => {
      if (run !== this.#run) return;
      const time = performance.now();
      // A resumed run has gone back; during measurements no steps are made.
      if (step < this.step || !stage.startsWith('training')) this.#events = [];
      else if (step > (this.#events.at(-1)?.step ?? -1)) {
        this.#events = [...this.#events.filter((event) => time - event.time <= spanMilliseconds), { time, step }];
        const [first] = this.#events;
        if (time - first.time > leastMilliseconds) this.rate = (1000 * (step - first.step)) / (time - first.time);
      }
      this.step = step;
      this.secondsLeft = secondsLeft;
    });
  }
}
