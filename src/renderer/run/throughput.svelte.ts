/** How fast a run is while it is watched: steps a second over the last seconds, and the time left. */
import type { Client } from '../../shared/contract/index.ts';

/** The span that the speed is taken over. */
const spanMilliseconds = 10_000;

export class Throughput {
  /** Of the last event; 0 before any. */
  step = $state(0);
  /** Steps a second; null until two events lie far enough apart. */
  rate = $state<number | null>(null);
  secondsLeft = $state<number | null>(null);
  readonly #client: Client;
  readonly #run: string;
  #events: { readonly time: number; readonly step: number }[] = [];

  constructor(client: Client, run: string) {
    this.#client = client;
    this.#run = run;
  }

  /** Answers how to stop. */
  listen(): () => void {
    return this.#client.on('run.progress', ({ run, step, secondsLeft }) => {
      if (run !== this.#run) return;
      const time = performance.now();
      // A run that is measured stands still, and one that was resumed has gone back.
      if (step < this.step) this.#events = [];
      this.#events = [...this.#events.filter((event) => time - event.time <= spanMilliseconds), { time, step }];
      const [first] = this.#events;
      if (time - first.time > 500 && step > first.step) this.rate = (1000 * (step - first.step)) / (time - first.time);
      this.step = step;
      this.secondsLeft = secondsLeft;
    });
  }
}
