/** covature run */
import * as path from 'node:path';
import * as v from 'valibot';
import { integer } from '../../../shared/validation.ts';
import { resolveDataset } from '../../../data/resolve.ts';
import { costKey } from '../../../shared/sweep.ts';
import { fitted } from '../../jobs/data.ts';
import type { JobForecast } from '../../forecast/types.ts';
import type { JobEnd } from '../../jobs/host.ts';
import { pausedStatus } from '../../jobs/signals.ts';
import { forecastExperiment } from '../../services/forecasts.ts';
import { checkShapes } from '../../services/fitting.ts';
import { dataFolderOf, resumeRun, startRun } from '../../services/runs.ts';
import type { StartedRun } from '../../services/runs.ts';
import type { Store } from '../../store/index.ts';
import { engineFlags, engineOf, openStoreFor, printJson, storeFlags } from '../command.ts';
import type { Command } from '../command.ts';
import { flagsHelp, parse, toggle } from '../flags.ts';
import type { Flags } from '../flags.ts';
import { onInterrupt, untilEnded } from '../signals.ts';
import { UsageError } from '../usage-error.ts';
import { readJsonFile } from '../files.ts';
import { invocation } from '../../invocation.ts';
import { forecastText } from '../forecast-text.ts';
import { ProgressLine } from '../progress.ts';
import { runDocument, runText } from '../run-text.ts';
import { formatDuration } from '../format.ts';
import { sweepMembers, sweepFlags, sweepOf } from '../sweep-options.ts';
import type { SweepMember } from '../sweep-options.ts';

const flags = {
  ...sweepFlags,
  'stop-after': { schema: integer(1), value: 'N', help: 'take a checkpoint after N steps and pause there' },
  resume: { schema: v.string(), value: 'RUN', help: 'continue an unfinished run (id, part of an id, or name)' },
  forecast: { schema: toggle, help: 'show what it will take (time, memory, disk) and start nothing' },
  'dry-run': { schema: toggle, help: 'the same as --forecast' },
  ...engineFlags,
  ...storeFlags,
} as const satisfies Flags;

const help = `Usage: covature run EXPERIMENT.json [options]
       covature run --resume RUN [options]

Trains the network of an experiment, measures it as the experiment says, and stores the run. Lists of values in the experiment make a sweep: every combination
is one run, one after the other, in the order in which the workbench lists them.

${flagsHelp(flags)}

Ctrl+C cancels a run. SIGTERM and SIGUSR1 pause it: it takes a checkpoint at the step it has come to (a measurement under way has 20 seconds to end, or is made
again), and the exit status is ${pausedStatus}; --resume goes on.

Example: ${invocation} run resources/examples/glyphs-mlp.json --seeds 1,2,3`;

export const run: Command = {
  help,
  flags,
  run: async (argv) => {
    const { values, positionals } = parse(argv, flags, [0, 1]);
    const [file] = positionals;
    if ((file === undefined) === (values.resume === undefined))
      throw new UsageError('expected an experiment file, or --resume with a run');
    const stopAfter = values['stop-after'] ?? null;
    const progress = new ProgressLine();
    const common = {
      engine: engineOf(values),
      stopAfter,
      refuse: true,
      onEvent: (event: Parameters<ProgressLine['onEvent']>[0]) => {
        progress.onEvent(event);
      },
    };
    const isForecast = values.forecast || values['dry-run'];
    if (file === undefined) {
      if (isForecast)
        throw new UsageError(
          '--forecast is for a run that has not started; --resume shows what is left when it starts',
        );
      using store = openStoreFor(values, false);
      const record = store.findRun(values.resume ?? '');
      const baseFolder = record.values['base_folder']?.text ?? process.cwd();
      const status = await follow(store, progress, values.json, [
        () => resumeRun(store, record, { ...common, baseFolder }),
      ]);
      return status;
    }
    const document = await readJsonFile(file);
    const sweep = sweepOf(document, file === '-' ? 'experiment' : path.basename(file), values);
    const members = sweepMembers(sweep, values);
    const baseFolder = file === '-' ? process.cwd() : path.dirname(path.resolve(file));
    using store = openStoreFor(values, false);
    const kinds = [...Map.groupBy(members, ({ experiment }) => costKey(experiment)).values()];
    if (isForecast) {
      const forecasts: { members: readonly number[]; forecast: JobForecast }[] = [];
      for (const kind of kinds) {
        const { job, done } = forecastExperiment(store, kind[0].experiment, { ...common, baseFolder });
        const stop = onInterrupt(() => {
          job.cancel();
        });
        const forecast = await done.finally(() => {
          stop();
          progress.clear();
        });
        forecasts.push({ members: kind.map(({ number }) => number), forecast });
      }
      if (values.json) printJson(forecastDocument(members, forecasts));
      else process.stdout.write(`${forecastsText(members, forecasts)}\n`);
      return 0;
    }
    for (const [{ experiment }] of kinds) {
      await checkShapes(experiment, async (dataset, model, wanted) => {
        fitted(await resolveDataset(dataset, { baseFolder, dataFolder: dataFolderOf(store) }), model, wanted);
      });
    }
    return await follow(
      store,
      progress,
      values.json,
      members.map(
        ({ experiment }) =>
          () =>
            startRun(store, experiment, { ...common, baseFolder }),
      ),
      sweep.count > 1 ? members.map(({ number }) => `member ${number} of ${sweep.count}: `) : [],
    );
  },
};

/** Runs one after the other, prints each, and returns the exit status of the worst. */
async function follow(
  store: Store,
  progress: ProgressLine,
  json: boolean,
  starts: readonly (() => StartedRun)[],
  titles: readonly string[] = [],
): Promise<number> {
  const documents: unknown[] = [];
  let status = 0;
  for (const [index, start] of starts.entries()) {
    const started = start();
    progress.note(`${titles[index] ?? ''}run ${started.id}`);
    const { end, paused } = await untilEnded(started);
    progress.clear();
    const record = store.getRun(started.id);
    if (record === undefined) throw new Error(`run ${started.id} is gone from the store`);
    if (json) documents.push(runDocument(store, record));
    else process.stdout.write(`${runText(store, record)}\n`);
    const ended = record.status === 'paused' && paused ? pausedStatus : statusOf(end);
    status = Math.max(status, ended);
    if (ended === pausedStatus) break;
    if (end.kind === 'failed' || end.kind === 'lost')
      process.stderr.write(`covature run: ${end.kind === 'failed' ? end.event.message : end.message}\n`);
    if (end.kind !== 'ended' || end.event.outcome === 'cancelled') break;
  }
  if (json) printJson(starts.length === 1 ? documents[0] : documents);
  return status;
}

function statusOf(end: JobEnd): number {
  if (end.kind === 'ended') return end.event.outcome === 'done' || end.event.outcome === 'paused' ? 0 : 1;
  return end.kind === 'failed' && end.event.isInput ? 2 : 1;
}

interface MemberForecasts {
  readonly members: readonly number[];
  readonly forecast: JobForecast;
}

/** `each`: of the longest. */
function forecastDocument(members: readonly SweepMember[], forecasts: readonly MemberForecasts[]): unknown {
  const longest = forecasts.reduce((a, b) => (b.forecast.seconds.total > a.forecast.seconds.total ? b : a));
  return { runs: members.length, each: longest.forecast, kinds: forecasts.length > 1 ? forecasts : undefined };
}

function forecastsText(members: readonly SweepMember[], forecasts: readonly MemberForecasts[]): string {
  const [{ forecast }] = forecasts;
  if (forecasts.length === 1) {
    return `${members.length > 1 ? `${members.length} runs, each: ` : ''}${forecastText(forecast)}`;
  }
  const total = forecasts.reduce((sum, each) => sum + each.members.length * each.forecast.seconds.total, 0);
  const parts = forecasts.map((each) => {
    const runs = `${each.members.length} run${each.members.length === 1 ? '' : 's'} like member ${each.members[0]}`;
    return `${runs}: ${forecastText(each.forecast)}`;
  });
  return [`${members.length} runs, ${formatDuration(total)} in all`, ...parts].join('\n\n');
}
