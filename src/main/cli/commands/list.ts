/** covature list */
import type { RunRow } from '../../store/index.ts';
import { runStatuses } from '../../store/index.ts';
import { integerOption, oneOf, openStoreFor, parse, printJson, storeHelp, storeOptions } from '../command.ts';
import type { Command } from '../command.ts';
import { formatResult, formatTable } from '../format.ts';

const help = `Usage: covature list [options]

Lists stored runs, newest first.

  --filter TEXT    an expression: 'gamma.fc2 > 1.1 and loss = "mse"'
  --status S       queued, running, paused, done, failed, diverged, cancelled or interrupted; may be repeated
  --tag T          runs that carry the tag; may be repeated
  --text WORDS     words that occur in name, notes, tags or the experiment
  --sort KEY       a field or result; "-KEY" for the largest first; may be repeated
  --columns K,K    results to show (default: loss, test_accuracy and every gamma)
  --limit N        at most N runs (default 50; 0: all)
${storeHelp}

Example: covature list --filter 'dataset = "glyphs"' --sort -gamma.fc2`;

const options = {
  ...storeOptions,
  filter: { type: 'string' },
  status: { type: 'string', multiple: true },
  tag: { type: 'string', multiple: true },
  text: { type: 'string' },
  sort: { type: 'string', multiple: true },
  columns: { type: 'string' },
  limit: { type: 'string' },
} as const;

export const list: Command = {
  help,
  options,
  run: (argv) => {
    const { values } = parse(argv, options, [0, 0]);
    using store = openStoreFor(values, true);
    const columns =
      values.columns?.split(',').map((key) => key.trim()) ??
      defaultColumns(store.summaryKeyList().map((info) => info.key));
    const limit = integerOption(values.limit, 'limit', 0) ?? 50;
    const found = store.listRuns({
      columns,
      limit: limit === 0 ? Number.MAX_SAFE_INTEGER : limit,
      ...(values.filter !== undefined && { filter: values.filter }),
      ...(values.status !== undefined && { status: values.status.map((text) => oneOf(text, 'status', runStatuses)) }),
      ...(values.tag !== undefined && { tags: values.tag }),
      ...(values.text !== undefined && { text: values.text }),
      ...(values.sort !== undefined && {
        sort: values.sort.map((key) => (key.startsWith('-') ? { key: key.slice(1), descending: true } : { key })),
      }),
    });
    if (values.json === true) {
      printJson(found);
      return 0;
    }
    if (found.rows.length === 0) {
      process.stdout.write('no runs; "covature run EXPERIMENT.json" makes one\n');
      return 0;
    }
    const head = ['id', 'name', 'status', 'seed', 'step', ...columns];
    process.stdout.write(
      `${formatTable(
        head,
        found.rows.map((row) => cells(row, columns)),
      )}\n`,
    );
    if (found.total > found.rows.length)
      process.stdout.write(`${found.rows.length} of ${found.total} runs (--limit 0 shows all)\n`);
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
