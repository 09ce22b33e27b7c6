/** covature submit */
import { readFile } from 'node:fs/promises';
import * as path from 'node:path';
import * as v from 'valibot';
import { integer } from '../../../shared/validation.ts';
import { inputErrorOf } from '../../../data/files.ts';
import { formatBytes } from '../../../engine/curvature/forecast.ts';
import { InputError } from '../../../shared/errors.ts';
import { withSeeds } from '../../../shared/sweep.ts';
import { resubmit } from '../../cluster/control.ts';
import { memoryBytes, limitSeconds, timeText } from '../../cluster/partition.ts';
import { readPilot } from '../../cluster/pilot.ts';
import { connectHost, remoteJson } from '../../cluster/remote.ts';
import { plannedWords, prepareSweep, submitPilot, submitSweep } from '../../cluster/start.ts';
import type { Asked, SubmittedJob } from '../../cluster/submit.ts';
import { readPlan } from '../../cluster/plan.ts';
import { defaultStoreFolder } from '../../store/index.ts';
import { engineFlags, engineOf, jsonFlag, printJson, storeFlags } from '../command.ts';
import type { Command } from '../command.ts';
import { flagsHelp, parse, toggle } from '../flags.ts';
import type { Flag, Flags, FlagValues } from '../flags.ts';
import { UsageError } from '../usage-error.ts';
import { readJsonFile } from '../files.ts';
import { seedsOf, sweepFlags } from '../sweep-options.ts';

export const hostFlag = {
  schema: v.string(),
  value: 'HOST',
  help: 'on this login node, over an open ssh connection; folders and paths are those of HOST',
} as const satisfies Flag;

export const remoteFlag = {
  schema: v.string(),
  value: 'COMMAND',
  help: 'the command that runs covature there',
  otherwise: '"covature"',
} as const satisfies Flag;

const flags = {
  slurm: { schema: toggle, help: 'by Slurm, the only scheduler supported' },
  to: { schema: v.string(), value: 'DIR', help: 'the folder of the sweep, which is created and must not hold one yet' },
  seed: sweepFlags.seed,
  seeds: sweepFlags.seeds,
  'at-once': {
    schema: integer(1),
    value: 'N',
    help: 'most tasks at once',
    otherwise: 'as many as the cluster gives',
  },
  cpus: {
    schema: integer(1),
    value: 'N',
    help: 'cores of a task, and threads of the library, which last digits depend on',
    otherwise: '1',
  },
  time: {
    schema: v.string(),
    value: 'T',
    help: 'time limit: minutes, H:MM:SS, D-HH:MM:SS',
    otherwise:
      "twice the pilot's forecast of the worst member, within the partition's limit; without a pilot the partition's default",
  },
  mem: {
    schema: v.string(),
    value: 'M',
    help: 'memory: megabytes, or 4G',
    otherwise: "1.5 times the pilot's forecast of the worst member; without one the cluster's",
  },
  setup: {
    schema: v.string(),
    value: 'FILE',
    help: 'lines for a shell, run before each task: module load and the like',
  },
  'snapshot-every': { schema: integer(1), value: 'S', help: 'seconds between snapshots', otherwise: '600' },
  warning: {
    schema: integer(1),
    value: 'S',
    help: 'seconds before the time limit at which a task takes its last snapshot',
    otherwise: '120',
  },
  pilot: {
    schema: toggle,
    help: 'submit only a short job that measures rates on the partition and forecasts time and memory; once it has ended, "covature submit --slurm --to DIR" submits the members with them',
  },
  'dry-run': { schema: toggle, help: 'print what would be submitted, write nothing' },
  host: hostFlag,
  remote: remoteFlag,
  blas: engineFlags.blas,
  backend: engineFlags.backend,
  store: { ...storeFlags.store, help: 'the store whose folder "datasets" is searched for published data' },
  json: jsonFlag,
} as const satisfies Flags;

const help = `Usage: covature submit EXPERIMENT.json --slurm --to DIR [options] [-- SBATCH OPTIONS]
       covature submit --slurm --to DIR [options]         what a pilot has prepared

Puts a sweep on a cluster: writes DIR, which login and compute nodes must share, submits its members as job arrays, prints their ids and ends. Each member runs with a
store of its own on its node, leaves a snapshot there every ten minutes and before its time is over, and goes on in the queue by itself.
"covature cluster status DIR" says how it stands; "covature cluster collect DIR" brings the finished runs into the store.

${flagsHelp(flags)}

What follows -- goes to sbatch as it is: a partition, an account, a constraint.

Example: npm run --silent covature -- submit resources/examples/glyphs-mlp.json --seeds 1,2,3 --slurm --to /shared/me/glyphs --time 1:00:00 -- --partition main`;

export const submit: Command = {
  help,
  flags,
  run: async (argv) => {
    const dashes = argv.indexOf('--');
    const ownWords = dashes < 0 ? argv : argv.slice(0, dashes);
    const sbatch = dashes < 0 ? [] : argv.slice(dashes + 1);
    const { values, positionals } = parse(ownWords, flags, [0, 1]);
    if (!values.slurm) throw new UsageError('expected --slurm: Slurm is the only scheduler supported');
    if (values.to === undefined) throw new UsageError('expected --to with the folder of the sweep');
    const [file] = positionals;
    const json = values.json;
    if (values.host !== undefined) return await submitThere(file, values, ownWords, sbatch);
    const folder = path.resolve(values.to);
    const given = askedOf(values);
    if (file === undefined) {
      const plan = await readPlan(folder);
      if ((await readPilot(folder)) === null && given.time === null)
        throw new InputError(
          `the pilot of ${folder} has not ended yet (it writes pilot.json); wait for it, or give --time and --mem`,
        );
      const { members, jobs, time, memory } = await resubmit(folder, given, { sbatch });
      tell(json, { folder, runs: members.length, of: plan.members.length, jobs, time, memory });
      return 0;
    }
    const document = await readJsonFile(file);
    const seeds = seedsOf(values);
    const { blas, backend = 'auto' } = engineOf(values);
    const prepared = await prepareSweep({
      document: seeds === undefined ? document : withSeeds(document, seeds),
      what: file === '-' ? 'experiment' : path.basename(file),
      folder,
      baseFolder: file === '-' ? process.cwd() : path.dirname(path.resolve(file)),
      dataFolder: path.join(path.resolve(values.store ?? defaultStoreFolder()), 'datasets'),
      blas,
      backend,
      cpus: values.cpus,
      atOnce: values['at-once'],
      snapshotSeconds: values['snapshot-every'],
      warningSeconds: values.warning,
      sbatch,
      setup: values.setup === undefined ? null : await readSetup(values.setup),
      asked: given,
    });
    const { length: runs } = prepared.plan.members;
    if (values['dry-run']) {
      const words = plannedWords(prepared);
      if (json) printJson({ folder, runs, sbatch: words, ...given });
      else process.stdout.write(`${runs} runs in ${folder}\nsbatch ${words.join(' ')}\n`);
      return 0;
    }
    if (values.pilot) {
      const job = await submitPilot(prepared);
      if (json) printJson({ folder, runs: 0, of: runs, jobs: [], pilot: job, ...given });
      else
        process.stdout.write(
          `pilot job ${job}; when it has ended, "covature submit --slurm --to ${folder}" submits the ${runs} members\n`,
        );
      return 0;
    }
    const jobs = await submitSweep(prepared);
    tell(json, { folder, runs, of: runs, jobs, ...given });
    return 0;
  },
};

interface Told extends Asked {
  readonly folder: string;
  readonly runs: number;
  readonly of: number;
  readonly jobs: readonly SubmittedJob[];
}

function tell(json: boolean, told: Told): void {
  if (json) {
    printJson(told);
    return;
  }
  const { folder, runs, of, jobs, time, memory } = told;
  const asked = [
    time === null ? "the partition's usual time" : `time ${timeText(time)}`,
    memory === null ? "the cluster's usual memory" : `memory ${formatBytes(memory)}`,
  ].join(', ');
  for (const { job, members } of jobs) process.stdout.write(`job ${job}: members ${members}\n`);
  process.stdout.write(`${runs} of ${of} runs submitted, each with ${asked}\n`);
  process.stdout.write(`covature cluster status ${folder}\n`);
}

/** The resources that the user asks for. Raises UsageError for anything that is not a time or a size. */
export function askedOf(values: { readonly time?: string | undefined; readonly mem?: string | undefined }): Asked {
  const time = values.time === undefined ? null : limitSeconds(values.time);
  if (values.time !== undefined && (time === null || time <= 0))
    throw new UsageError(`--time: expected minutes, H:MM:SS or D-HH:MM:SS, received "${values.time}"`);
  const memory = values.mem === undefined ? null : memoryBytes(values.mem);
  if (values.mem !== undefined && (memory === null || memory <= 0))
    throw new UsageError(`--mem: expected megabytes, or a number with K, M, G or T, received "${values.mem}"`);
  return { time, memory };
}

async function readSetup(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw inputErrorOf(error, file);
  }
}

/** The same command on the login node, with the experiment on its standard input. */
async function submitThere(
  file: string | undefined,
  values: FlagValues<typeof flags>,
  argv: readonly string[],
  sbatch: readonly string[],
): Promise<number> {
  const remote = await connectHost(values.host ?? '', values.remote);
  const words = ['submit', ...withoutOptions(argv, ['host', 'remote'], ['json'], file)];
  const input = file === undefined ? '' : JSON.stringify(await readJsonFile(file));
  const rest = sbatch.length === 0 ? [] : ['--', ...sbatch];
  if (file !== undefined) words.splice(1, 0, '-');
  // The document comes before the options for sbatch.
  const told = (await remoteJson(remote, words, { input, rest })) as Told & { readonly pilot?: string };
  if (values.json || told.pilot !== undefined) printJson(told);
  else tell(false, told);
  return 0;
}

/** Arguments without some options (those with a value, and those without) and without one positional. */
function withoutOptions(
  argv: readonly string[],
  valued: readonly string[],
  plain: readonly string[],
  positional: string | undefined,
): string[] {
  const words: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i];
    if (valued.some((name) => word === `--${name}`)) i++;
    else if (valued.some((name) => word.startsWith(`--${name}=`)) || plain.some((name) => word === `--${name}`))
      continue;
    else if (word !== positional) words.push(word);
  }
  return words;
}
