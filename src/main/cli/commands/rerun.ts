/** covature rerun */
import { readSafetensors } from '../../../data/formats/safetensors.ts';
import { InputError } from '../../../shared/errors.ts';
import { parseExperiment, parseRecorded } from '../../../shared/experiment.ts';
import { engineAsRecorded, startRun } from '../../services/runs.ts';
import type { RunRecord, Store } from '../../store/index.ts';
import {
  engineFlags,
  engineHelp,
  engineOf,
  openStoreFor,
  PausedError,
  parse,
  printJson,
  storeHelp,
  storeOptions,
} from '../command.ts';
import type { Command } from '../command.ts';
import { formatNumber, formatTable } from '../format.ts';
import { ProgressLine } from '../progress.ts';
import { onInterrupt, pauseGrace } from './run.ts';
import { onPauseSignal } from '../../jobs/signals.ts';

const help = `Usage: covature rerun RUN [options]

Runs a stored experiment again, with the same seed and the library threads that are recorded with it, and compares: final weights bit for bit, and every result
number by number. On the same machine and engine all are the same bit for bit; a relative difference below 1e-9 counts as equal and is stated (runs from before
the threads were recorded). On another machine runs differ by rounding, which training amplifies.

${engineHelp}
${storeHelp}

Exit status 0: all equal; 1: something differs.`;

const options = { ...storeOptions, ...engineFlags } as const;

export interface Replay {
  readonly original: string;
  readonly rerun: string;
  /** Of the final checkpoints; null where one has none. */
  readonly weights_equal: boolean | null;
  readonly largest_weight_difference: number | null;
  /** Largest relative difference among the results that are equal but for rounding. */
  readonly rounding: number;
  /** Results that differ by more than rounding, apart from durations. */
  readonly differences: Readonly<Record<string, readonly [number | null, number | null]>>;
}

export const rerun: Command = {
  help,
  run: async (argv) => {
    const { values, positionals } = parse(argv, options, [1, 1]);
    using store = openStoreFor(values, false);
    const original = store.findRun(positionals[0]);
    if (parseRecorded(original.experiment, `experiment of run ${original.id}`).optimiser === undefined)
      throw new InputError(
        `run ${original.id} (${original.name}) was imported with its weights: how it was trained is not known`,
      );
    const experiment = parseExperiment(original.experiment, `experiment of run ${original.id}`);
    const progress = new ProgressLine();
    const started = startRun(store, experiment, {
      engine: engineAsRecorded(original, engineOf(values)),
      baseFolder: original.values['base_folder']?.text ?? process.cwd(),
      parent: { run: original.id, relation: 'rerun' },
      onEvent: (event) => {
        progress.onEvent(event);
      },
    });
    const stop = onInterrupt(() => {
      started.job.cancel();
    });
    const stopPausing = onPauseSignal(() => {
      started.job.pause(pauseGrace);
    });
    const end = await started.done.finally(() => {
      stop();
      stopPausing();
    });
    progress.clear();
    if (store.getRun(started.id)?.status === 'paused')
      throw new PausedError(
        `paused; "covature run --resume ${started.id}" goes on, and "covature compare" compares then`,
      );
    if (end.kind !== 'ended') throw new Error(end.kind === 'failed' ? end.event.message : end.message);
    const again = store.getRun(started.id);
    if (again === undefined) throw new Error(`run ${started.id} is gone from the store`);
    const replay = await compareRuns(store, original, again);
    if (values.json === true) printJson(replay);
    else process.stdout.write(`${replayText(replay)}\n`);
    return replay.weights_equal !== false && Object.keys(replay.differences).length === 0 ? 0 : 1;
  },
};

/** Durations, speeds and memory are no results. */
const isTiming = (key: string): boolean =>
  key.startsWith('seconds') || key === 'steps_per_second' || key === 'peak_memory';

/** Relative: what the order of summation within an eigendecomposition may change. */
const roundingLimit = 1e-9;

function relativeDifference(a: number | null, b: number | null): number {
  if (a === b || Object.is(a, b)) return 0;
  if (a === null || b === null) return Infinity;
  const difference = Math.abs(a - b) / Math.max(Math.abs(a), Math.abs(b));
  return Number.isNaN(difference) ? Infinity : difference;
}

async function compareRuns(store: Store, original: RunRecord, again: RunRecord): Promise<Replay> {
  const weights = await Promise.all([original, again].map((run) => finalWeights(store, run)));
  const [first, second] = weights;
  let largest: number | null = null;
  if (first !== null && second !== null) {
    largest = 0;
    for (const [name, values] of first) {
      const others = second.get(name);
      if (others?.length !== values.length) largest = Infinity;
      else for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i] - others[i]));
    }
  }
  const keys = new Set([...Object.keys(original.values), ...Object.keys(again.values)]);
  const differences: Record<string, [number | null, number | null]> = {};
  let rounding = 0;
  for (const key of keys) {
    const pair: [number | null, number | null] = [
      original.values[key]?.value ?? null,
      again.values[key]?.value ?? null,
    ];
    if (isTiming(key)) continue;
    const difference = relativeDifference(...pair);
    if (difference > roundingLimit) differences[key] = pair;
    else rounding = Math.max(rounding, difference);
  }
  return {
    original: original.id,
    rerun: again.id,
    weights_equal: largest === null ? null : largest === 0,
    largest_weight_difference: largest,
    rounding,
    differences,
  };
}

async function finalWeights(store: Store, run: RunRecord): Promise<Map<string, ArrayLike<number>> | null> {
  const checkpoint = store.lastCheckpoint(run.id);
  if (checkpoint === undefined) return null;
  const { tensors } = await readSafetensors(checkpoint.file.path);
  const names = [...tensors].filter(([, { dtype }]) => dtype === 'F32' || dtype === 'F64');
  return new Map(names.map(([name, { data }]) => [name, data as Float32Array | Float64Array]));
}

function replayText(replay: Replay): string {
  const weights =
    replay.weights_equal === null
      ? 'no checkpoints to compare'
      : replay.weights_equal
        ? 'final weights are equal bit for bit'
        : `final weights differ by up to ${formatNumber(replay.largest_weight_difference)}`;
  const rows = Object.entries(replay.differences).map(([key, [a, b]]) => [key, formatNumber(a, 6), formatNumber(b, 6)]);
  const equal =
    replay.rounding === 0
      ? 'all results are equal'
      : `all results are equal but for rounding (a relative difference of ${formatNumber(replay.rounding)} at most)`;
  const results = rows.length === 0 ? equal : formatTable(['result', 'original', 'rerun'], rows);
  return `run ${replay.rerun} repeats ${replay.original}\n${weights}\n${results}`;
}
