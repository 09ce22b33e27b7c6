/** Progress on standard error: one line that is rewritten on a terminal, a line now and then elsewhere. */
import type { JobEvent } from '../jobs/protocol.ts';
import { forecastLine } from './forecast-text.ts';
import { formatDuration } from './format.ts';

const plainInterval = 10_000;
const barWidth = 24;

export class ProgressLine {
  readonly #out: NodeJS.WriteStream;
  #shown = false;
  #lastPlain = 0;
  #lastStage = '';

  constructor(out: NodeJS.WriteStream = process.stderr) {
    this.#out = out;
  }

  onEvent(event: JobEvent): void {
    if (event.kind === 'log') this.note(event.text);
    else if (event.kind === 'measurement-failed') this.note(`${event.parameter} was not measured: ${event.error}`);
    else if (event.kind === 'forecast') {
      this.note(`forecast: ${forecastLine(event.forecast)}`);
      for (const warning of event.forecast.warnings) this.note(`warning: ${warning}`);
    } else if (event.kind === 'progress') this.show(event.stage, event.share, event.secondsLeft);
  }

  /** Prints a line that is not overwritten. */
  note(text: string): void {
    this.clear();
    this.#out.write(`${text}\n`);
  }

  show(stage: string, share: number, secondsLeft: number | null): void {
    const left = secondsLeft === null ? '' : `, ${formatDuration(secondsLeft)} left`;
    const percent = `${Math.floor(100 * share)} %`;
    if (this.#out.isTTY) {
      const filled = Math.round(share * barWidth);
      const bar = '#'.repeat(filled) + '-'.repeat(barWidth - filled);
      this.#out.write(`\r\x1b[K[${bar}] ${percent.padStart(5)} ${stage}${left}`);
      this.#shown = true;
      return;
    }
    const now = Date.now();
    const kind = stage.split(/[,:]/)[0];
    if (kind === this.#lastStage && now - this.#lastPlain < plainInterval) return;
    this.#lastStage = kind;
    this.#lastPlain = now;
    this.#out.write(`${percent.padStart(5)} ${stage}${left}\n`);
  }

  clear(): void {
    if (this.#shown) this.#out.write('\r\x1b[K');
    this.#shown = false;
  }
}
