/** covature show */
import { openStoreFor, parse, printJson, storeHelp, storeOptions } from '../command.ts';
import type { Command } from '../command.ts';
import { runDocument, runText } from '../run-text.ts';

const help = `Usage: covature show RUN [options]

Shows a stored run: state, results, and every measurement with gamma by cutoff.

  RUN              id, part of an id (4 characters or more), or name
  --log            its log as well
${storeHelp}`;

const options = { ...storeOptions, log: { type: 'boolean' } } as const;

export const show: Command = {
  help,
  options,
  run: (argv) => {
    const { values, positionals } = parse(argv, options, [1, 1]);
    using store = openStoreFor(values, true);
    const run = store.findRun(positionals[0]);
    const logs = values.log === true ? store.logs(run.id) : null;
    if (values.json === true) {
      printJson({ ...(runDocument(store, run) as object), ...(logs !== null && { logs }) });
      return 0;
    }
    process.stdout.write(`${runText(store, run)}\n`);
    for (const line of logs ?? [])
      process.stdout.write(`${new Date(line.time).toISOString()} ${line.level.padEnd(7)} ${line.text}\n`);
    return 0;
  },
};
