/**
 * Starting worker processes. One interface, two launchers: Node's child_process (here: command line, browser shell, tests) and Electron's
 * utilityProcess (src/main/electron/utility-launcher.ts: with the fuse RunAsNode off, fork does not work there).
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { noInspector } from './signals.ts';

/** A process that this one started, with a channel to it. */
export interface WorkerProcess {
  readonly pid: number | undefined;
  /** Structured-cloneable. What is sent after it ended is dropped. */
  send(message: unknown): void;
  /** Called once the process has sent its last message: utility processes do not end by themselves. */
  finished(): void;
  /** Ends it at once, whatever it does. */
  kill(): void;
}

export interface WorkerListeners {
  readonly onMessage: (message: unknown) => void;
  /** It could not be started. `onClose` follows. */
  readonly onError: (error: Error) => void;
  /** It is gone and all its messages have come; `signal` if one ended it, `stderr` the end of what it wrote there. */
  readonly onClose: (code: number | null, signal: string | null, stderr: string) => void;
}

export interface ProcessLauncher {
  /** Starts a module (file URL, with the ending that this program itself runs from). `env`: added to this process's own. */
  launch(module: URL, env: Readonly<Record<string, string>>, listeners: WorkerListeners): WorkerProcess;
}

/** Of standard error, kept for the message when a process dies. */
export const keptErrorText = 4000;

export const forkLauncher: ProcessLauncher = {
  launch(module, env, listeners) {
    const child = fork(fileURLToPath(module), [], {
      execArgv: [...process.execArgv, ...noInspector],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      env: { ...process.env, ...env },
    });
    let stderr = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString()).slice(-keptErrorText);
    });
    child.on('message', listeners.onMessage);
    child.on('error', listeners.onError);
    child.on('close', (code, signal) => {
      listeners.onClose(code, signal, stderr);
    });
    return {
      pid: child.pid,
      send: (message) => {
        if (child.connected) child.send(message as object, () => undefined);
      },
      finished: () => undefined,
      kill: () => {
        child.kill('SIGKILL');
      },
    };
  },
};

/** The URL of a module beside the one at `from`, in sources and bundles alike: the ending is taken from `from`. */
export function moduleBeside(name: string, from: string): URL {
  return new URL(`${name}.${from.endsWith('.ts') ? 'ts' : 'js'}`, from);
}
