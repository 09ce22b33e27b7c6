/** What the table of runs does automatically: a column for each setting in which the runs on show differ, and number columns wide enough for their numbers. */
import type { RunGroup, RunRow } from '../../shared/contract/index.ts';
import { defaultAxis } from '../../shared/varied.ts';
import type { Varied } from '../../shared/varied.ts';
import type { App } from '../state/app.svelte.ts';
import { runState } from '../format.ts';
import { whenIdle } from '../idle.ts';
import { cellText, columnOf, groupText, widest } from './columns.ts';
import type { TableLine } from './lines.ts';

/** Runs that are looked at: the first of the list. */
const mostLooked = 100;
/** Columns added at most: beyond, the runs have little in common, and the table little room. */
const mostAdded = 4;
/** Milliseconds of quiet before the settings are asked for. */
const settle = 250;
/** CSS pixels that names take without other content. */
const widestName = 400;
/** The same for states with the outcome of a run. */
const widestState = 184;
/** Of a digit, and around the text of a cell; CSS pixels. */
const digit = 7.2;
const around = 26;

export class Varying {
  /** Keys of columns, in the order of the experiment, the best axis first. */
  added = $state.raw<readonly string[]>([]);
  /** Widths that number columns need, by key; they only grow, so that nothing jumps. */
  widths = $state.raw<Readonly<Record<string, number>>>({});
  readonly #app: App;
  #asked = '';
  #of = '';
  /** The runs that were last examined. */
  #seen: readonly unknown[] = [];
  #looking: (() => void) | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(app: App) {
    this.#app = app;
  }

  /**
   * The lines at the head of the list have changed: runs, or groups by one run each. Of one list (`of` names it) columns are added and stay, so that none goes while
   * it is looked at.
   */
  look(of: string, lines: readonly TableLine[], columns: readonly string[]): void {
    const seen = [of, columns.join(), ...lines.map((line) => (line.kind === 'group' ? line.group : line.row))];
    if (seen.length === this.#seen.length && seen.every((each, i) => each === this.#seen[i])) return;
    this.#seen = seen;
    // The lines are on the screen first.
    this.#looking?.();
    this.#looking = whenIdle(() => this.#app.press.after(() => this.#look(of, lines, columns)));
  }

  #look(of: string, lines: readonly TableLine[], columns: readonly string[]): void {
    this.#fit(lines, columns);
    const ids = lines.flatMap((line) => {
      if (line.kind === 'group') return line.group?.runs[0] ?? [];
      return line.group === null && line.row !== undefined ? line.row.id : [];
    });
    const asked = ids.slice(0, mostLooked);
    const text = [of, ...asked].join();
    if (text === this.#asked || asked.length === 0) return;
    this.#asked = text;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(async () => {
      const varied = await this.#app.attempt(() => this.#app.client.request('runs.varied', { ids: asked }));
      if (varied === undefined || this.#asked !== text) return;
      const before = of === this.#of ? this.added : [];
      this.#of = of;
      const next = [...new Set([...before, ...columnsOf(varied)])].slice(0, mostAdded);
      if (next.join() !== this.added.join()) this.added = next;
    }, settle);
  }

  stop(): void {
    this.#looking?.();
    clearTimeout(this.#timer);
  }

  #fit(lines: readonly TableLine[], columns: readonly string[]): void {
    const widths: Record<string, number> = { ...this.widths };
    for (const key of columns) {
      const column = columnOf(key);
      // Runs of a sweep are told apart by the end of their names.
      const widthOfName = { name: widestName, status: widestState }[key];
      const most = widthOfName ?? (column.number && column.value ? widest : 0);
      if (most === 0) continue;
      let longest = 0;
      for (const line of lines)
        longest = Math.max(longest, textOf(line.kind === 'group' ? line.group : line.row, key).length);
      const needed = Math.min(most, Math.ceil(longest * digit + around));
      if (needed > Math.max(column.width, widths[key] ?? 0)) widths[key] = needed;
    }
    if (JSON.stringify(widths) !== JSON.stringify(this.widths)) this.widths = widths;
  }
}

function textOf(of: RunRow | RunGroup | undefined, key: string): string {
  if (of === undefined) return '';
  // With room for the mark.
  if (key === 'status') return 'runs' in of ? '' : `${runState(of).text}   `;
  return 'runs' in of ? groupText(of, key, 0, new Map()) : cellText(of, key, 0, new Map());
}

/** Settings that can be columns: those of layers and measurements are too many. */
function columnsOf(varied: readonly Varied[]): string[] {
  const first = defaultAxis(varied);
  return varied
    .map(({ path }) => path)
    .filter((path) => !path.includes('['))
    .sort((a, b) => Number(b === first) - Number(a === first))
    .slice(0, mostAdded);
}

/** The columns on show: those chosen, and those added before the first result, except those removed by hand. */
export function withAdded(
  chosen: readonly string[],
  added: readonly string[],
  without: readonly string[],
): readonly string[] {
  const more = added.filter((key) => !chosen.includes(key) && !without.includes(key));
  const results = chosen.findIndex((key) => /^(loss|test_loss|accuracy|test_accuracy|gamma)/.test(key));
  const first = results < 0 ? chosen.length : results;
  return [...chosen.slice(0, first), ...more, ...chosen.slice(first)];
}
