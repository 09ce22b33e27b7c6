/** Continues with the pinned Node: arguments, standard streams, signals and the exit status are passed through. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { isatty } from 'node:tty';
import { fileURLToPath } from 'node:url';
import { Interrupted, SetupError, say } from './say.mjs';

/** The folder of the checkout. */
export const checkout = fileURLToPath(new URL('../..', import.meta.url)).replace(/[\\/]$/, '');

/**
 * The environment of everything that is launched. Sums run in worker threads, one BLAS thread each; the libraries read these when they are
 * loaded; setting the number later leaves idle threads that spin and cost half the speed. Values that the user has set are kept.
 * @returns {NodeJS.ProcessEnv}
 */
export function launchEnvironment() {
  /** @type {NodeJS.ProcessEnv} */
  const environment = {
    OPENBLAS_NUM_THREADS: '1',
    MKL_NUM_THREADS: '1',
    VECLIB_MAXIMUM_THREADS: '1',
    BLIS_NUM_THREADS: '1',
    OMP_NUM_THREADS: '1',
    NODE_COMPILE_CACHE: join(checkout, 'node_modules/.covature/compiled'),
    ...process.env,
  };
  // On Windows the name is often Path; a second spelling would shadow it.
  const name = Object.keys(environment).find((key) => key.toUpperCase() === 'PATH') ?? 'PATH';
  const bin = join(checkout, 'node_modules/.bin');
  const present = (environment[name] ?? '').split(delimiter);
  environment[name] = [bin, ...present.filter((folder) => folder !== bin && folder !== '')].join(delimiter);
  return environment;
}

/**
 * Runs `node args` and says how it ended.
 * @param {string} node
 * @param {string[]} args
 * @param {{ cwd: string, env: NodeJS.ProcessEnv }} options
 * @returns {Promise<{ status: number | null, signal: NodeJS.Signals | null }>}
 */
export function runThrough(node, args, { cwd, env }) {
  return new Promise((resolve, reject) => {
    const child = spawn(node, args, { cwd, env, stdio: 'inherit' });
    // Ctrl-C reaches the child from the terminal already; a second one would read as "at once".
    const fromTerminal = isatty(0);
    /** @type {NodeJS.Signals[]} */
    const signals =
      process.platform === 'win32' ? ['SIGINT', 'SIGBREAK'] : ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1'];
    const pass = (/** @type {NodeJS.Signals} */ received) => {
      // The program is started so that SIGUSR1 cannot open its inspector, so it cannot receive it either; SIGUSR2 is sent instead.
      const signal = received === 'SIGUSR1' ? 'SIGUSR2' : received;
      if (!(fromTerminal && (signal === 'SIGINT' || signal === 'SIGQUIT' || signal === 'SIGBREAK'))) child.kill(signal);
    };
    for (const signal of signals) process.on(signal, pass);
    const settle = () => {
      for (const signal of signals) process.off(signal, pass);
    };
    child.once('error', (error) => {
      settle();
      reject(error);
    });
    child.once('exit', (status, signal) => {
      settle();
      resolve({ status, signal });
    });
  });
}

/**
 * Runs `node args` and returns what it prints.
 * @param {string} node @param {string[]} args @param {{ cwd: string, env?: NodeJS.ProcessEnv, onStart?: (pid: number) => void }} options
 * @returns {Promise<{ status: number, output: string }>}
 */
export function runQuietly(node, args, { cwd, env = process.env, onStart }) {
  return new Promise((resolve, reject) => {
    const child = spawn(node, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (/** @type {string} */ text) => void (output += text));
    }
    child.once('spawn', () => onStart?.(child.pid ?? 0));
    child.once('error', reject);
    child.once('close', (status) => resolve({ status: status ?? 1, output }));
  });
}

/**
 * Runs a program. What it cannot do, or what is wrong with its input, is told in plain words and ends it with status 1; when the user stops it, the signal ends it.
 * @param {() => Promise<void>} program
 */
export async function plainly(program) {
  try {
    await program();
  } catch (error) {
    if (error instanceof Interrupted) endLike(null, error.signal);
    if (!(error instanceof SetupError || (error instanceof Error && error.name === 'InputError'))) throw error;
    say(error.message);
    process.exit(1);
  }
}

/**
 * Ends this process as another one ended: with its status, or by the signal that ended it.
 * @param {number | null} status @param {NodeJS.Signals | null} signal
 * @returns {never}
 */
export function endLike(status, signal) {
  if (signal === null) process.exit(status ?? 1);
  // A shell that waits for us then sees the signal itself. Some signals do not end a Node process at once, so the number is given as well.
  process.kill(process.pid, signal);
  process.exit(128 + (constants.signals[signal] ?? 1));
}
