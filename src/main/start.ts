/**
 * `npm start`: the desktop where Electron's binary is there (or comes within some ten seconds) and there is a display; else one line that says why,
 * and the workbench in the browser. Loads nothing native before it has checked the Node version.
 */
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { hasDisplay } from './web/open-browser.ts';

const major = Number(process.versions.node.split('.')[0]);
if (major < 22) {
  process.stderr.write(
    `covature: this needs Node 22 or newer and runs under ${process.versions.node}; start it as "npm start"\n`,
  );
  process.exit(1);
}

const root = fileURLToPath(new URL('../../', import.meta.url));
const argv = process.argv.slice(2);

/** A window that fails sooner than this counts as never opened. */
const openingMilliseconds = 10_000;

process.exitCode = await start();

async function start(): Promise<number> {
  const without = await reasonAgainstDesktop();
  if (without === null) {
    const ended = await runElectron();
    if (ended !== null) return ended;
    say('the desktop window did not open (its messages are above); opening the workbench for the browser');
  } else say(`${without}; opening the workbench for the browser`);
  const { messageOf } = await import('../shared/errors.ts');
  try {
    const { serve } = await import('./cli/commands/serve.ts');
    return await serve(argv, true);
  } catch (error) {
    say(messageOf(error));
    return error instanceof Error && (error.name === 'InputError' || error.name === 'UsageError') ? 2 : 1;
  }
}

/** Why the desktop cannot be opened here, or null. */
async function reasonAgainstDesktop(): Promise<string | null> {
  if (
    argv.some(
      (option) =>
        option === '--port' || option === '--host' || option.startsWith('--port=') || option.startsWith('--host='),
    )
  ) {
    return 'a port or host was asked for';
  }
  if (!hasDisplay()) return 'there is no display';
  if (process.platform === 'linux' && process.getuid?.() === 0) {
    return "Chromium's sandbox refuses to run as root";
  }
  const { ensureElectron } = await import('../../scripts/setup/downloads.ts');
  const { Interrupted } = await import('../../scripts/launch/say.mjs');
  try {
    return (await ensureElectron(root)) ? null : "Electron's binary is not here";
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    const { endLike } = await import('../../scripts/launch/run.mjs');
    return endLike(null, error.signal);
  }
}

/** Its exit status, or null if it failed to open. */
function runElectron(): Promise<number | null> {
  const binary = createRequire(import.meta.url)('electron') as string;
  const began = performance.now();
  return new Promise((resolve) => {
    const child = spawn(binary, [root, ...argv], { stdio: 'inherit' });
    child.once('error', (error) => {
      say(error.message);
      resolve(null);
    });
    child.once('exit', (code, signal) => {
      const failed = code !== 0 && signal !== 'SIGINT' && signal !== 'SIGTERM';
      resolve(failed && performance.now() - began < openingMilliseconds ? null : (code ?? 1));
    });
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  });
}

function say(text: string): void {
  process.stderr.write(`covature: ${text}\n`);
}
