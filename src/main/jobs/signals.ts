/**
 * Signals that ask for a pause: SIGTERM (a machine that shuts down, a scheduler's limit of time) and SIGUSR1 (a scheduler's warning ahead of it). Node opens its
 * inspector at SIGUSR1 if nobody listens, in its first moments too; a process that is started with `noInspector` never does, as the signal is blocked in it, and
 * so whoever started it passes SIGUSR1 on as SIGUSR2.
 */
export const pauseSignals: readonly NodeJS.Signals[] =
  process.platform === 'win32' ? ['SIGTERM'] : ['SIGTERM', 'SIGUSR1', 'SIGUSR2'];

/** Node's option for processes to be started; none on a Node that does not know it (before 22.14). */
export const noInspector: readonly string[] = process.allowedNodeEnvironmentFlags.has('--disable-sigusr1')
  ? ['--disable-sigusr1']
  : [];

/** The exit status of a command whose run was paused by a signal and can go on: sysexits' "try again later". */
export const pausedStatus = 75;

/** Calls back at every signal that asks for a pause; returns a function that stops listening. */
export function onPauseSignal(callback: (signal: NodeJS.Signals) => void): () => void {
  for (const signal of pauseSignals) process.on(signal, callback);
  return () => {
    for (const signal of pauseSignals) process.off(signal, callback);
  };
}
