/**
 * A cluster seen from a laptop: the user's own ssh, over a connection that is already open (ControlMaster), so that this program never asks for passwords or holds keys.
 * The commands run on the login node, by the covature that is installed there, and return one JSON document.
 */
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { InputError } from '../../shared/errors.ts';
import { runCommand } from './slurm.ts';
import { quoted } from './submit.ts';

export interface Remote {
  readonly host: string;
  /** How covature is called there: words of a shell, as "covature" or "cd covature && npm run --silent covature --". */
  readonly command: string;
  readonly options: readonly string[];
}

/** Raises InputError, with the line that opens a connection, if none is open. */
export async function connectHost(host: string, command = 'covature'): Promise<Remote> {
  if (!/^[^\s-][^\s]*$/.test(host)) throw new InputError(`--host: "${host}" is not the name of a host`);
  const config = await runCommand('ssh', ['-G', host], { timeout: 2000 });
  if (config.status === null) throw new InputError(`ssh cannot be used: ${config.stderr}`);
  const configured = /^controlpath (.+)$/m.exec(config.stdout)?.[1];
  const control = configured === undefined || configured === 'none' ? '~/.ssh/covature-%C' : configured;
  const options = ['-o', 'BatchMode=yes', '-o', 'ConnectTimeout=5', '-o', `ControlPath=${control}`];
  const check = await runCommand('ssh', [...options, '-O', 'check', host], { timeout: 2000 });
  if (check.status !== 0)
    throw new InputError(
      `there is no open connection to ${host}. The following opens one, answering whatever ${host} asks, and every command here then uses it:\n` +
        `  ssh -fNM -o ControlPersist=12h -o ControlPath=${control} ${host}`,
    );
  return { host, command, options };
}

/** Runs a command of covature there; `rest`: words that must come last. Returns its JSON document; raises InputError with its own message if it refuses. */
export async function remoteJson(
  remote: Remote,
  words: readonly string[],
  options: { readonly input?: string; readonly timeout?: number; readonly rest?: readonly string[] } = {},
): Promise<unknown> {
  const { rest = [], ...running } = options;
  const line = `${remote.command} ${[...words, '--json', ...rest].map(quoted).join(' ')}`;
  const result = await runCommand('ssh', [...remote.options, '-T', remote.host, line], {
    timeout: 120_000,
    ...running,
  });
  if (result.status === 255 || result.status === null)
    throw new InputError(`${remote.host}: ${result.stderr === '' ? 'the connection broke' : result.stderr}`);
  try {
    const document = JSON.parse(result.stdout) as { readonly error?: { readonly message?: string } } | null;
    const message = document?.error?.message;
    if (message !== undefined) throw new InputError(`${remote.host}: ${message}`);
    return document;
  } catch (error) {
    if (error instanceof InputError) throw error;
    const hint =
      result.status === 127 ? `; --remote says the command that runs covature there (now: ${remote.command})` : '';
    throw new InputError(
      `${remote.host}: ${result.stderr === '' ? `no answer (status ${result.status})` : result.stderr}${hint}`,
    );
  }
}

/** Copies a file from there to here. Raises InputError if it cannot be read. */
export async function fetchRemoteFile(remote: Remote, source: string, target: string): Promise<void> {
  const child = spawn('ssh', [...remote.options, '-T', remote.host, `cat ${quoted(source)}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const closed = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  await Promise.all([pipeline(child.stdout, createWriteStream(target)), closed]);
  const status = await closed;
  if (status !== 0)
    throw new InputError(`${remote.host}: ${source}: ${stderr.trim() || `ssh ended with status ${status}`}`);
}
