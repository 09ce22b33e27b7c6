/** covature compare */
import * as v from 'valibot';
import { comparisonLines } from '../../../shared/claim-families.ts';
import { settingValue } from '../../../shared/settings.ts';
import { differencesOf, namesByDifference, variedSettings } from '../../../shared/varied.ts';
import { statisticsOf, type GroupStatistics } from '../../../shared/group-statistics.ts';
import type { RunRecord, Store } from '../../store/index.ts';
import { openStoreFor, printJson, storeFlags } from '../command.ts';
import type { Command } from '../command.ts';
import { flagsHelp, parse, toggle } from '../flags.ts';
import type { Flags } from '../flags.ts';
import { formatNumber, formatResult, formatTable } from '../format.ts';

const flags = {
  keys: {
    schema: v.array(v.string()),
    commas: true,
    value: 'K',
    help: 'results to show',
    otherwise: 'losses, accuracies, and everything of the measured layers at the headline cutoff',
  },
  all: { schema: toggle, help: 'every run in a column of its own' },
  ...storeFlags,
} as const satisfies Flags;

const help = `Usage: covature compare RUN RUN [RUN ...] [options]

Sets runs side by side: the settings that differ (only those), and their results. Runs that differ in their seed alone are one
column: mean, standard deviation and number. Columns are called by what differs.

${flagsHelp(flags)}`;

interface Column {
  readonly title: string;
  readonly runs: readonly RunRecord[];
}

export const compare: Command = {
  help,
  flags,
  run: (argv) => {
    const { values, positionals } = parse(argv, flags, [2, Infinity]);
    using store = openStoreFor(values, true);
    const runs = positionals.map((text) => store.findRun(text));
    const columns = columnsOf(runs, values.all);
    const differences = differencesOf(columns.map((column) => column.runs[0].experiment));
    const keys = values.keys ?? defaultKeys(runs);
    const results = keys.map((key) => ({ key, values: columns.map((column) => resultOf(column.runs, key)) }));
    const settings = [...differences].filter(([path]) => path !== 'name' && path !== 'seed');
    if (values.json) {
      printJson({
        columns: columns.map((column) => ({ title: column.title, runs: column.runs.map((run) => run.id) })),
        differences: Object.fromEntries(settings.map(([path, list]) => [path, list.map((value) => value ?? null)])),
        results: Object.fromEntries(results.map((row) => [row.key, row.values])),
      });
      return 0;
    }
    const head = ['', ...columns.map((column) => column.title)];
    const rows = [
      ...settings.map(([path, list]) => [
        path,
        ...list.map((value) => (value === undefined ? '-' : settingValue(path, value))),
      ]),
      ...results.map((row) => [row.key, ...row.values.map((found, k) => cell(columns[k], row.key, found))]),
    ];
    process.stdout.write(`${settings.length === 0 ? 'the settings are the same\n' : ''}${formatTable(head, rows)}\n`);
    const lines = verdictsOf(store, columns);
    if (lines.length > 0)
      process.stdout.write(
        `\nverdicts corrected for their number (Holm's procedure, 5 % for the family); over several seeds the run is the unit:\n${lines.map((line) => `  ${line}`).join('\n')}\n`,
      );
    return 0;
  },
};

function verdictsOf(store: Store, columns: readonly Column[]): string[] {
  return comparisonLines(
    columns.map(({ title, runs }) => ({
      name: title.replace(/ \(\d+ seeds\)$/, ''),
      runs: runs.map((run) =>
        store
          .measurements(run.id)
          .flatMap(({ parameter, summary }) =>
            summary?.bootstrap === undefined ? [] : [{ parameter, measurement: summary }],
          ),
      ),
    })),
  );
}

/** One column a setup, named by its runs; or one a run. */
function columnsOf(runs: readonly RunRecord[], apart: boolean): Column[] {
  if (apart) {
    const titles = titlesOf(runs, true);
    return runs.map((run, k) => ({ title: titles[k], runs: [run] }));
  }
  const setups = new Map<string, RunRecord[]>();
  for (const run of runs) setups.set(run.setup, [...(setups.get(run.setup) ?? []), run]);
  const groups = [...setups.values()];
  const titles = titlesOf(
    groups.map(([first]) => first),
    false,
  );
  return groups.map((group, k) => ({
    title: group.length === 1 ? titles[k] : `${titles[k]} (${group.length} seeds)`,
    runs: group,
  }));
}

function titlesOf(runs: readonly RunRecord[], seeds: boolean): string[] {
  return namesByDifference(runs, variedSettings(runs.map((run) => run.experiment)), seeds);
}

function defaultKeys(runs: readonly RunRecord[]): string[] {
  const keys = new Set(runs.flatMap((run) => Object.keys(run.values).filter((key) => run.values[key].value !== null)));
  const usualKeys =
    /^(loss|accuracy|test_loss|test_accuracy|(gamma|gamma_Q|C_on_Q|cosine_CH|cosine_CQ|commutator_ratio|sharpness|trace)\.[^@]+)$/;
  return [...keys].filter((key) => usualKeys.test(key)).sort();
}

/** Over the runs that have the result. */
function resultOf(
  runs: readonly RunRecord[],
  key: string,
): Pick<GroupStatistics, 'n' | 'mean' | 'standard_deviation'> | null {
  const values = runs.flatMap((run) => run.values[key]?.value ?? []);
  if (values.length === 0) return null;
  const { n, mean, standard_deviation } = statisticsOf(values);
  return { n, mean, standard_deviation };
}

/** One run: with the interval of its own; several: mean and standard deviation. */
function cell({ runs }: Column, key: string, statistics: ReturnType<typeof resultOf>): string {
  if (statistics === null) return '-';
  const alone =
    statistics.n === 1 ? runs.map((run) => run.values[key]).find((each) => (each?.value ?? null) !== null) : undefined;
  if (alone !== undefined) return formatResult(key, alone);
  const { n, mean, standard_deviation: deviation } = statistics;
  return deviation === null ? formatNumber(mean) : `${formatNumber(mean)} ± ${formatNumber(deviation, 2)} (n = ${n})`;
}
