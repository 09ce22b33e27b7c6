/** Finds the command, runs it, turns errors into messages and exit statuses: 0 done, 1 failed, 2 bad usage or input. */
import { InputError, messageOf } from '../../shared/errors.ts';
import { readPackage } from '../provenance.ts';
import type { Command } from './command.ts';
import { PausedError } from './command.ts';
import { UsageError } from './usage-error.ts';
import { pausedStatus } from '../jobs/signals.ts';

/** Loaded when used: a quick command should not wait for what others need. */
export const commands: Readonly<Record<string, { readonly summary: string; readonly load: () => Promise<Command> }>> = {
  demo: {
    summary: 'train a small network on drawn digits, measure it, print gamma, and draw it: everything in one command',
    load: async () => (await import('./commands/demo.ts')).demo,
  },
  run: {
    summary: 'train a network as an experiment specifies, and measure it',
    load: async () => (await import('./commands/run.ts')).run,
  },
  measure: {
    summary: 'measure C, H and Q of a model with given weights and data, or of a stored run',
    load: async () => (await import('./commands/measure.ts')).measure,
  },
  verify: {
    summary: 'check the measurement of a model against a dense oracle on a small copy of it',
    load: async () => (await import('./commands/verify.ts')).verify,
  },
  validate: {
    summary: 'test the calibrated exponent on simulated samples of known exponents',
    load: async () => (await import('./commands/validate.ts')).validate,
  },
  list: { summary: 'list stored runs', load: async () => (await import('./commands/list.ts')).list },
  show: { summary: 'show a stored run with its results', load: async () => (await import('./commands/show.ts')).show },
  export: {
    summary: 'write results as data files, or as figures for a paper',
    load: async () => (await import('./commands/export.ts')).exportCommand,
  },
  report: {
    summary: 'write one page of a run or a comparison: settings, results, all figures, definitions',
    load: async () => (await import('./commands/report.ts')).report,
  },
  compare: {
    summary: 'set runs side by side: settings that differ, results over seeds',
    load: async () => (await import('./commands/compare.ts')).compare,
  },
  import: {
    summary: 'add PyTorch models and runs (covature.py), and runs that were exported here or on another machine',
    load: async () => (await import('./commands/import.ts')).importCommand,
  },
  python: {
    summary: 'the location of the bridge from PyTorch (covature.py), or a copy of it',
    load: async () => (await import('./commands/python.ts')).python,
  },
  rerun: {
    summary: 'run a stored experiment again and compare',
    load: async () => (await import('./commands/rerun.ts')).rerun,
  },
  bundle: {
    summary: "an archive for a paper's supplement: runs, figures, environment, scripts; or check one",
    load: async () => (await import('./commands/bundle.ts')).bundle,
  },
  reproduce: {
    summary: 'the paper as a resumable study: one table and one figure of gamma per layer',
    load: async () => (await import('./commands/reproduce.ts')).reproduce,
  },
  datasets: {
    summary: 'list, download and look at datasets',
    load: async () => (await import('./commands/datasets.ts')).datasets,
  },
  submit: {
    summary: 'put a sweep on a cluster with Slurm',
    load: async () => (await import('./commands/submit.ts')).submit,
  },
  cluster: {
    summary: 'the state of a sweep on a cluster; collect, cancel, resubmit',
    load: async () => (await import('./commands/cluster.ts')).cluster,
  },
  serve: {
    summary: 'open the workbench for a browser, here or over SSH',
    load: async () => (await import('./commands/serve.ts')).serveCommand,
  },
  doctor: {
    summary: 'what this machine computes with; check, repair, back up and restore the store',
    load: async () => (await import('./commands/doctor.ts')).doctor,
  },
  bench: {
    summary: 'measure the speed of this machine, each job beside its limit',
    load: async () => (await import('./commands/bench.ts')).bench,
  },
};

/**
 * The reader of the output may stop reading (`list | head`): that is not a failure, and work in progress (a run) continues. Standard error may be lost altogether,
 * for example in a log on a full disk.
 */
export function passOverClosedPipes(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
  process.stderr.on('error', () => undefined);
}

export async function main(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(overview());
    return name === undefined ? 2 : 0;
  }
  if (name === '--version' || name === '-V') {
    process.stdout.write(`${readPackage().version}\n`);
    return 0;
  }
  const entry = commands[name];
  if (entry === undefined) {
    process.stderr.write(`covature: unknown command "${name}"; the commands are ${Object.keys(commands).join(', ')}\n`);
    return 2;
  }
  const json = rest.includes('--json');
  try {
    const command = await entry.load();
    if (rest.includes('--help') || rest.includes('-h')) {
      process.stdout.write(`${command.help}\n`);
      return 0;
    }
    return await command.run(rest);
  } catch (error) {
    const isInput = error instanceof InputError || error instanceof UsageError;
    const hint = error instanceof UsageError ? `\nSee "covature ${name} --help".` : '';
    process.stderr.write(`covature ${name}: ${messageOf(error)}${hint}\n`);
    if (!isInput && error instanceof Error && process.env['COVATURE_DEBUG'] !== undefined)
      process.stderr.write(`${error.stack}\n`);
    if (json)
      process.stdout.write(
        `${JSON.stringify({ error: { code: error instanceof PausedError ? 'paused' : isInput ? 'bad-input' : 'failed', message: messageOf(error) } })}\n`,
      );
    return error instanceof PausedError ? pausedStatus : isInput ? 2 : 1;
  }
}

function overview(): string {
  const width = Math.max(...Object.keys(commands).map((name) => name.length));
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`);
  return [
    'Covature measures how the noise of stochastic gradient descent relates to the curvature of the loss.',
    '',
    'Usage: covature <command> [options]        covature <command> --help',
    '',
    ...lines,
    '',
    'Every command takes --json: one document on standard output and nothing else there.',
    'Exit status: 0 done, 1 failed, 2 bad usage or input, 75 a run was paused by a signal and can be resumed.',
    '',
  ].join('\n');
}
