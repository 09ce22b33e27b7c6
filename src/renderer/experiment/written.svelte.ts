/** An experiment as it is written, and what the program says of it: checked while it is edited. */
import type { ExperimentCheck } from '../../shared/contract/index.ts';
import { parseSweep } from '../../shared/sweep.ts';
import type { App } from '../state/app.svelte.ts';
import { Followed } from '../state/followed.svelte.ts';

export class WrittenExperiment {
  /** The JSON. */
  text = $state('');
  check = $state.raw<ExperimentCheck | null>(null);
  checking = $state(false);
  /** Whether the time that it will take is being worked out. */
  readonly timing: Followed;
  /** The value that `check` belongs to. */
  #checkedValue: unknown;
  readonly #app: App;

  readonly parsed = $derived.by((): { readonly value: unknown; readonly problem: string } => {
    if (this.text.trim() === '') return { value: undefined, problem: '' };
    try {
      return { value: JSON.parse(this.text) as unknown, problem: '' };
    } catch (error) {
      return { value: undefined, problem: error instanceof Error ? error.message : String(error) };
    }
  });
  readonly problems = $derived(
    this.parsed.problem !== '' ? [`The JSON cannot be read: ${this.parsed.problem}`] : (this.check?.problems ?? []),
  );
  readonly axes = $derived.by(() => {
    if (this.parsed.value === undefined) return [];
    try {
      return parseSweep(this.parsed.value).axes;
    } catch {
      // The check says what is wrong.
      return [];
    }
  });

  constructor(app: App) {
    this.#app = app;
    this.timing = new Followed(app);
  }

  show(experiment: unknown): void {
    this.text = JSON.stringify(experiment, null, 2);
  }

  /** The body of an effect: checks what is written once it has not changed for a moment. */
  checkSoon(): (() => void) | undefined {
    const { value } = this.parsed;
    if (value === undefined) {
      this.check = null;
      return undefined;
    }
    this.checking = true;
    const timer = setTimeout(() => void this.#checkWithTime(value), 150);
    return () => {
      clearTimeout(timer);
      // What was worked out for the text before is no longer waited for.
      this.timing.cancel();
    };
  }

  async #checkWithTime(value: unknown): Promise<void> {
    // Checked at once without its time, which may have to be measured first.
    const first = await this.#ask(value);
    if (value !== this.parsed.value) return;
    this.check = first ?? null;
    this.#checkedValue = value;
    this.checking = false;
    if (first === undefined || first.forecast === null) return;
    const whole = await this.timing.run((token) =>
      this.#app.client.request('experiments.check', { experiment: value, token }),
    );
    const { fault } = this.timing;
    if (whole !== undefined) this.check = whole;
    else if (fault !== null && fault.code !== 'disconnected') this.#app.tell('error', fault.message);
  }

  #ask(experiment: unknown): Promise<ExperimentCheck | undefined> {
    return this.#app.attempt(() => this.#app.client.request('experiments.check', { experiment, timed: false }));
  }

  /** Checks the latest text, if that has not been done yet. */
  async isRight(): Promise<boolean> {
    const { value } = this.parsed;
    if (value !== undefined && (this.check === null || this.#checkedValue !== value)) {
      const checked = await this.#ask(value);
      if (checked === undefined) return false;
      this.check = checked;
      this.#checkedValue = value;
    }
    return value !== undefined && this.problems.length === 0;
  }
}
