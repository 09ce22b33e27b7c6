/** covature list */
import * as v from 'valibot';
import { definedOf } from '../../../shared/defined.ts';
import { integer } from '../../../shared/validation.ts';
import type { RunRow } from '../../store/index.ts';
import { runStatuses } from '../../store/index.ts';
import { openStoreFor, printJson, storeFlags } from '../command.ts';
import type { Command } from '../command.ts';
import { flagsHelp, parse } from '../flags.ts';
import type { Flags } from '../flags.ts';
import { formatResult, formatTable } from '../format.ts';

const flags = {
  filter: { schema: v.string(), value: 'TEXT', help: `an expression: 'gamma.fc2 > 1.1 and loss = "mse"'` },
  status: { schema: v.array(v.picklist(runStatuses)), value: 'S', help: 'runs in this state' },
  tag: { schema: v.array(v.string()), value: 'T', help: 'runs that carry the tag' },
  text: { schema: v.string(), value: 'WORDS', help: 'words that occur in name, notes, tags or the experiment' },
  sort: { schema: v.array(v.string()), value: 'KEY', help: 'a field or result; "-KEY" for the largest first' },
  columns: {
    schema: v.array(v.string()),
    commas: true,
    value: 'K',
    help: 'results to show',
    otherwise: 'loss, test_accuracy and every gamma',
  },
  limit: { schema: v.optional(integer(0), 50), value: 'N', help: 'at most N runs; 0: all' },
  ...storeFlags,
} as const satisfies Flags;

const help = `Usage: covature list [options]

Lists stored runs, newest first.

${flagsHelp(flags)}

Example: covature list --filter 'dataset = "glyphs"' --sort -gamma.fc2`;

export const list: Command = {
  help,
  flags,
  run: (argv) => {
    const { values } = parse(argv, flags, [0, 0]);
    using store = openStoreFor(values, true);
    const columns = values.columns ?? defaultColumns(store.summaryKeyList().map((info) => info.key));
    const { limit } = values;
    const listed = store.listRuns({
      columns,
      limit: limit === 0 ? Number.MAX_SAFE_INTEGER : limit,
      ...definedOf({
        filter: values.filter,
        status: values.status,
        tags: values.tag,
        text: values.text,
        sort: values.sort?.map((key) => (key.startsWith('-') ? { key: key.slice(1), descending: true } : { key })),
      }),
    });
    if (values.json) {
      printJson(listed);
      return 0;
    }
    if (listed.rows.length === 0) {
      process.stdout.write('no runs; "covature run EXPERIMENT.json" makes one\n');
      return 0;
    }
    const head = ['id', 'name', 'status', 'seed', 'step', ...columns];
    process.stdout.write(
      `${formatTable(
        head,
        listed.rows.map((row) => cells(row, columns)),
      )}\n`,
    );
    if (listed.total > listed.rows.length)
      process.stdout.write(`${listed.rows.length} of ${listed.total} runs (--limit 0 shows all)\n`);
    return 0;
  },
};

function cells(row: RunRow, columns: readonly string[]): string[] {
  const values = columns.map((key) => {
    const value = row.values[key];
    // The name of the loss function has the same key, for filters.
    if (key === 'loss' && value?.value === null) return '-';
    return value === undefined ? '-' : formatResult(key, value);
  });
  return [row.id, row.name, row.status, String(row.seed ?? '-'), String(row.step), ...values];
}

/** Loss, test accuracy and gamma of every layer. */
function defaultColumns(keys: readonly string[]): string[] {
  const gammas = keys.filter((key) => /^gamma\.[^.@]+$/.test(key)).slice(0, 6);
  return ['loss', 'test_accuracy', ...gammas].filter((key) => keys.includes(key));
}
