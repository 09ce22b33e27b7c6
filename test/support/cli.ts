/** Running the command line as a user does: its own process, under this Node. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { main } from '../../src/main/cli/main.ts';

const entry = fileURLToPath(new URL('../../src/main/cli/index.ts', import.meta.url));

export interface CliResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function cli(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<CliResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', entry, ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.on('error', reject);
    child.on('close', (status) => {
      resolve({ status, stdout, stderr });
    });
  });
}

/** The same in this process: quicker by a start of Node, with this process's environment and folder. */
export async function cliHere(args: readonly string[]): Promise<CliResult> {
  const texts = { stdout: '', stderr: '' };
  const restore = (['stdout', 'stderr'] as const).map((name) => {
    const stream = process[name];
    const { write } = stream;
    stream.write = (text: Uint8Array | string): boolean => {
      texts[name] += typeof text === 'string' ? text : new TextDecoder().decode(text);
      return true;
    };
    return () => {
      stream.write = write;
    };
  });
  try {
    return { status: await main(args), ...texts };
  } finally {
    for (const each of restore) each();
  }
}

const folders: string[] = [];
// The first of a file's hooks, and so the last to run: what a test started has been ended by then. A process that is told to end has no such moment of its own.
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
});

/** A folder that is removed when the test file ends; a space and letters beyond ASCII are part of its name. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'covature täst '));
  folders.push(folder);
  return folder;
}
