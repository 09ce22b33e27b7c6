/** covature show */
import { definedOf } from '../../../shared/defined.ts';
import { openStoreFor, printJson, storeFlags } from '../command.ts';
import type { Command } from '../command.ts';
import { flagsHelp, parse, toggle } from '../flags.ts';
import type { Flags } from '../flags.ts';
import { runDocument, runText } from '../run-text.ts';

const flags = {
  log: { schema: toggle, help: 'its log as well' },
  ...storeFlags,
} as const satisfies Flags;

const help = `Usage: covature show RUN [options]

Shows a stored run: state, results, and every measurement with gamma by cutoff.

  RUN              id, part of an id (4 characters or more), or name
${flagsHelp(flags)}`;

export const show: Command = {
  help,
  flags,
  run: (argv) => {
    const { values, positionals } = parse(argv, flags, [1, 1]);
    using store = openStoreFor(values, true);
    const run = store.findRun(positionals[0]);
    const logs = values.log ? store.logs(run.id) : null;
    if (values.json) {
      printJson({ ...(runDocument(store, run) as object), ...definedOf({ logs: logs ?? undefined }) });
      return 0;
    }
    process.stdout.write(`${runText(store, run)}\n`);
    for (const line of logs ?? [])
      process.stdout.write(`${new Date(line.time).toISOString()} ${line.level.padEnd(7)} ${line.text}\n`);
    return 0;
  },
};
