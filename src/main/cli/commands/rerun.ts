/** covature rerun */
import { compareRuns, isEqual, startRerun, type Replay } from '../../services/replay.ts';
import { PausedError, engineFlags, engineOf, openStoreFor, printJson, storeFlags } from '../command.ts';
import type { Command } from '../command.ts';
import { flagsHelp, parse } from '../flags.ts';
import type { Flags } from '../flags.ts';
import { formatNumber, formatTable } from '../format.ts';
import { ProgressLine } from '../progress.ts';
import { repetitionText, weightsText } from '../replay-text.ts';
import { untilEnded } from '../signals.ts';

const flags = {
  ...engineFlags,
  ...storeFlags,
} as const satisfies Flags;

const help = `Usage: covature rerun RUN [options]

Runs a stored experiment again, with the same seed and the library threads that are recorded with it, and compares: final weights bit for bit, and every result
number by number. On the same machine and engine all are the same bit for bit; a relative difference below 1e-9 counts as equal and is stated (runs from before
the threads were recorded). On another machine runs differ by rounding, which training amplifies.

${flagsHelp(flags)}

Exit status 0: all equal; 1: something differs.`;

export const rerun: Command = {
  help,
  flags,
  run: async (argv) => {
    const { values, positionals } = parse(argv, flags, [1, 1]);
    using store = openStoreFor(values, false);
    const original = store.findRun(positionals[0]);
    const progress = new ProgressLine();
    const started = startRerun(store, original, engineOf(values), (event) => {
      progress.onEvent(event);
    });
    const { end } = await untilEnded(started);
    progress.clear();
    if (store.getRun(started.id)?.status === 'paused')
      throw new PausedError(
        `paused; "covature run --resume ${started.id}" continues it; afterwards "covature compare" compares`,
      );
    if (end.kind !== 'ended') throw new Error(end.kind === 'failed' ? end.event.message : end.message);
    const again = store.getRun(started.id);
    if (again === undefined) throw new Error(`run ${started.id} is gone from the store`);
    const replay = await compareRuns(store, original, again);
    if (values.json) printJson(replay);
    else process.stdout.write(`${replayText(replay)}\n`);
    return isEqual(replay) ? 0 : 1;
  },
};

function replayText(replay: Replay): string {
  const rows = Object.entries(replay.differences).map(([key, [a, b]]) => [key, formatNumber(a, 6), formatNumber(b, 6)]);
  const results = repetitionText(replay) ?? formatTable(['result', 'original', 'rerun'], rows);
  return `run ${replay.rerun} repeats ${replay.original}\n${weightsText(replay)}\n${results}`;
}
