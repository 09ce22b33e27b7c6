/** Worker processes under Electron: utilityProcess, because with the fuse RunAsNode off child_process.fork starts no Node. */
import { utilityProcess } from 'electron';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { keptErrorText } from '../jobs/launcher.ts';
import type { ProcessLauncher } from '../jobs/launcher.ts';

/** Where a signal ended a process, Electron gives its number for the exit code. Workers end themselves with 0 or 1. */
const signals: Readonly<Record<number, string>> = {
  [constants.signals.SIGABRT]: 'SIGABRT',
  [constants.signals.SIGBUS]: 'SIGBUS',
  [constants.signals.SIGFPE]: 'SIGFPE',
  [constants.signals.SIGILL]: 'SIGILL',
  [constants.signals.SIGKILL]: 'SIGKILL',
  [constants.signals.SIGSEGV]: 'SIGSEGV',
  [constants.signals.SIGTERM]: 'SIGTERM',
};

export const utilityLauncher: ProcessLauncher = {
  launch(module, env, listeners) {
    const child = utilityProcess.fork(fileURLToPath(module), [], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
      serviceName: 'Covature worker',
    });
    let stderr = '';
    let finished = false;
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString()).slice(-keptErrorText);
    });
    child.on('message', listeners.onMessage);
    child.on('error', (type, location) => {
      listeners.onError(new Error(`the worker process met a fatal error (${type}) at ${location}`));
    });
    child.on('exit', (code) => {
      const signal = process.platform === 'win32' ? undefined : signals[code];
      listeners.onClose(signal === undefined ? code : null, signal ?? null, stderr);
    });
    return {
      get pid() {
        return child.pid;
      },
      send: (message) => {
        if (!finished) child.postMessage(message);
      },
      finished: () => {
        finished = true;
        child.kill();
      },
      kill: () => {
        finished = true;
        // Its own kill asks politely; a worker inside a long native call does not listen.
        if (child.pid === undefined) child.kill();
        else killNow(child.pid);
      },
    };
  },
};

function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // Gone already.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
