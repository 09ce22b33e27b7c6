/** A sweep of three settings and more as parallel coordinates: an axis for each setting and result, a line for each member. Pure. */
import type { RunRow } from '../../shared/contract/index.ts';
import { settingName, settingValue } from '../../shared/settings.ts';
import type { Varied } from '../../shared/varied.ts';
import { numberText } from '../format.ts';
import { settingOf } from './members.ts';
import type { Member } from './members.ts';

/** With more axes than this, they are too close to be read. */
export const mostAxes = 8;
/** Values that have a tick each. */
const mostTicks = 8;

export interface ParallelAxis {
  readonly name: string;
  /** From the lower end, 0, to the upper, 1. */
  readonly ticks: readonly { readonly at: number; readonly text: string }[];
  /** Of each member, in the order given; null if it has no value. */
  readonly places: readonly (number | null)[];
}

/** A setting. Numbers stand at their values, along decades if they span one; texts at equal distances in the order of their first run. */
export function settingAxis(
  { path, values }: Varied,
  rows: readonly RunRow[],
  members: readonly Member[],
): ParallelAxis {
  const { numeric, categories, log, values: byRun } = settingOf(path, rows, values);
  const settings = members.map(({ runs: [first] }) => byRun.get(first.id) ?? null);
  const name = settingName(path);
  if (numeric) return numberAxis(name, settings as (number | null)[], log, (value) => settingValue(path, value));
  const at = (text: string): number =>
    categories.length < 2 ? 0.5 : categories.indexOf(text) / (categories.length - 1);
  return {
    name,
    ticks: categories.map((text) => ({ at: at(text), text })),
    places: settings.map((value) => at(settingValue(path, value))),
  };
}

/** A result: its smallest and largest value are the ends. */
export function resultAxis(name: string, values: readonly (number | null)[], log: boolean): ParallelAxis {
  return numberAxis(name, values, log, (value) => numberText(value, 3));
}

function numberAxis(
  name: string,
  values: readonly (number | null)[],
  log: boolean,
  textOf: (value: number) => string,
): ParallelAxis {
  const present = [...new Set(values.filter((value) => value !== null))].sort((a, b) => a - b);
  const isLog = log && present[0] > 0;
  const along = (value: number): number => (isLog ? Math.log10(value) : value);
  const [low, high] = [along(present[0] ?? 0), along(present.at(-1) ?? 1)];
  const at = (value: number): number => (high > low ? (along(value) - low) / (high - low) : 0.5);
  const ticks = present.length <= mostTicks ? present : [present[0], present[present.length - 1]];
  return {
    name,
    ticks: ticks.map((value) => ({ at: at(value), text: textOf(value) })),
    places: values.map((value) => (value === null ? null : at(value))),
  };
}
