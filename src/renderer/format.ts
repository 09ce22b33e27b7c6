/** Numbers, times and sizes as the window writes them. */
import { isSameCutoff } from '../shared/estimands.ts';
import { integerText, numberText, powerText, withUncertainty } from '../shared/figures/numbers.ts';
import { isEstimate } from '../shared/rounding.ts';
import type { RunStatus, SummaryValue } from '../shared/contract/index.ts';

export {
  integerText,
  numberOrDash,
  numberText,
  pageStyle,
  withInterval,
  withUncertainty,
} from '../shared/figures/numbers.ts';

/** "10⁻²" for a decade, "0.00316" for a cutoff between two. */
export function cutoffText(cutoff: number): string {
  const exponent = Math.round(Math.log10(cutoff));
  return isSameCutoff(cutoff, 10 ** exponent) ? powerText(exponent) : numberText(cutoff, 3);
}

/** "3 s", "4 min 10 s", "2 h 5 min", "3 d 4 h". */
export function duration(seconds: number): string {
  if (seconds < 1) return seconds < 0.05 ? '0 s' : `${seconds.toFixed(1)} s`;
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return pair(Math.floor(s / 60), 'min', s % 60, 's');
  if (s < 86_400) return pair(Math.floor(s / 3600), 'h', Math.floor((s % 3600) / 60), 'min');
  return pair(Math.floor(s / 86_400), 'd', Math.floor((s % 86_400) / 3600), 'h');
}

function pair(large: number, unit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${unit}` : `${large} ${unit} ${small} ${smallUnit}`;
}

/** A rough duration for values that keep changing: "about 3 min left". */
export function timeLeft(seconds: number | null): string {
  if (seconds === null) return '';
  if (seconds < 10) return 'seconds left';
  if (seconds < 90) return `${Math.ceil(seconds / 10) * 10} s left`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min left`;
  if (seconds < 172_800) return `${(seconds / 3600).toFixed(1)} h left`;
  return `${(seconds / 86_400).toFixed(1)} d left`;
}

/** "now", "12 min ago", "3 h ago", "4 d ago", then the date. */
export function ago(time: number, now: number): string {
  const seconds = (now - time) / 1000;
  if (seconds < 45) return 'now';
  if (seconds < 3600) return `${Math.max(1, Math.round(seconds / 60))} min ago`;
  if (seconds < 86_400) return `${Math.round(seconds / 3600)} h ago`;
  if (seconds < 14 * 86_400) return `${Math.round(seconds / 86_400)} d ago`;
  return dateText(time);
}

/** "2026-11-23". */
export function dateText(time: number): string {
  const date = new Date(time);
  return [date.getFullYear(), date.getMonth() + 1, date.getDate()].map((n) => String(n).padStart(2, '0')).join('-');
}

/** "2026-11-23 07:04:31". */
export function dateTimeText(time: number): string {
  return `${dateText(time)} ${clockText(time)}`;
}

/** "07:04:31". */
export function clockText(time: number): string {
  const date = new Date(time);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((n) => String(n).padStart(2, '0')).join(':');
}

/** "3.2 MB": decimal units, two or three digits. */
export function bytesText(bytes: number): string {
  if (bytes < 1000) return `${Math.round(bytes)} B`;
  const units = ['kB', 'MB', 'GB', 'TB', 'PB'];
  let value = bytes;
  let unit = -1;
  do {
    value /= 1000;
    unit++;
  } while (value >= 999.5 && unit < units.length - 1);
  return `${value < 9.95 ? value.toFixed(1) : value.toFixed(0)} ${units[unit]}`;
}

export function percentText(share: number, digits = 1): string {
  return `${(100 * share).toFixed(digits)} %`;
}

/** "1.203 ± 0.018" if there is an interval (its half width), "≈ 1.203 ± 0.018" of an estimate, else the number or text. */
export function summaryText(value: SummaryValue | undefined, key = ''): string {
  if (value === undefined) return '';
  const number = value.value;
  if (number === null) return value.text ?? '';
  if (key.endsWith('accuracy')) {
    return value.low === null || value.high === null
      ? percentText(number)
      : `${(100 * number).toFixed(1)} ± ${(50 * (value.high - value.low)).toFixed(1)} %`;
  }
  if (value.low !== null && value.high !== null)
    return `${isEstimate(key, value) ? '≈ ' : ''}${withUncertainty(number, (value.high - value.low) / 2)}`;
  return numberValueText(number);
}

/** At most four digits, without trailing zeros: 0.1, 0.05, 0.2812. */
function numberValueText(number: number): string {
  if (Number.isInteger(number) && Math.abs(number) < 1e9) return integerText(number);
  const text = numberText(number, 4);
  const digits = String(number)
    .replace(/^-?0?\.?0*/, '')
    .replace('.', '').length;
  return digits < 4 && /^\D?\d*\.\d+$/.test(text) ? text.replace(/0+$/, '') : text;
}

/** A value of JSON as a cell shows it. */
export function plainText(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return numberValueText(value);
  if (typeof value === 'string') return value;
  return JSON.stringify(value);
}

/** Tags written with commas between. */
export function tagsIn(text: string): string[] {
  const tags = text.split(',').map((tag) => tag.trim());
  return [...new Set(tags.filter((tag) => tag !== ''))];
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${integerText(count)} ${count === 1 ? one : many}`;
}

/** A mark beside the word, so that no state is shown by colour alone. */
export const statusMarks: Readonly<Record<RunStatus, { readonly mark: string; readonly tone: string }>> = {
  queued: { mark: '○', tone: 'soft' },
  running: { mark: '◐', tone: 'accent' },
  paused: { mark: '‖', tone: 'warn' },
  done: { mark: '●', tone: 'good' },
  failed: { mark: '✕', tone: 'bad' },
  diverged: { mark: '↗', tone: 'bad' },
  cancelled: { mark: '–', tone: 'soft' },
  interrupted: { mark: '!', tone: 'warn' },
};

/** The state of a run with its outcome: "done, did not learn". A run that is done but learned nothing is not a success; one that fits every sample is. */
export function runState(run: {
  readonly status: RunStatus;
  readonly values: Readonly<Record<string, SummaryValue>>;
}): { readonly mark: string; readonly tone: string; readonly text: string } {
  const state = statusMarks[run.status];
  const learning = run.status === 'done' ? (run.values['learning']?.text ?? 'learned') : 'learned';
  if (learning === 'learned') return { ...state, text: run.status };
  const text = `${run.status}, ${learning}`;
  return learning === 'did not learn' ? { mark: '◒', tone: 'warn', text } : { ...state, text };
}

export const runColours = 8;
/** The colour of a run wherever it is shown. */
export function runColour(colour: number): string {
  return `var(--data-${((colour % runColours) + runColours) % runColours})`;
}
