/** covature serve */
import * as v from 'valibot';
import { definedOf } from '../../../shared/defined.ts';
import { integer } from '../../../shared/validation.ts';
import { openWorkbench } from '../../contract/open-workbench.ts';
import * as path from 'node:path';
import { defaultStoreFolder } from '../../store/index.ts';
import { hasDisplay, openBrowser } from '../../web/open-browser.ts';
import { onPauseSignal } from '../../jobs/signals.ts';
import { isLoopback, startServer } from '../../web/server.ts';
import { engineFlags, printJson, storeFlags } from '../command.ts';
import type { Command } from '../command.ts';
import { flagsHelp, parse, toggle } from '../flags.ts';
import type { Flags } from '../flags.ts';

const flags = {
  port: { schema: integer(0), value: 'N', help: 'the port', otherwise: 'the same as last time, or any free one' },
  host: {
    schema: v.optional(v.string(), '127.0.0.1'),
    value: 'ADDRESS',
    help: "listen on this address; any other than this machine's own opens the workbench to the network, without encryption: prefer SSH",
  },
  open: { schema: toggle, help: "open the address in this machine's browser" },
  ...engineFlags,
  ...storeFlags,
} as const satisfies Flags;

const help = `Usage: covature serve [options]

Opens the workbench for a browser on this machine, or on another over SSH. Prints the address; the token in it lets a browser in.
Open windows find the program again after a restart: token and port are kept in the store, for this user alone (access.json).

${flagsHelp(flags)}

Over SSH: on the far machine  covature serve --port 8765
          on this one         ssh -L 8765:localhost:8765 far-machine    and open the address that was printed.`;

/** `npm start` does the same if there is no desktop. */
export async function serve(argv: readonly string[], open = false): Promise<number> {
  const { values } = parse(argv, flags, [0, 0]);
  const { port, host, json } = values;
  if (!isLoopback(host)) {
    process.stderr.write(
      `covature serve: ${host} is open to the network, and the connection is not encrypted: anyone who intercepts it or has the token can use this program and read your files. Prefer SSH (see --help).\n`,
    );
  }
  const workbench = openWorkbench({
    storeFolder: path.resolve(values.store ?? defaultStoreFolder()),
    shell: 'browser',
    baseFolder: process.cwd(),
    engine: definedOf({ blas: values.blas, threads: values.threads }),
  });
  for (const warning of workbench.store.report.warnings) process.stderr.write(`warning: ${warning}\n`);
  try {
    const server = await startServer(workbench, { host, port });
    const stopped = untilInterrupted();
    if (json) printJson({ url: server.url, port: server.port, store: workbench.store.folder });
    else {
      process.stdout.write(`Covature is at ${server.url}\n`);
      process.stderr.write('Ctrl+C ends it; runs pause at a checkpoint.\n');
    }
    if ((open || values.open) && hasDisplay()) await openBrowser(server.url);
    await stopped;
    await server.close();
    return 0;
  } finally {
    await workbench.close();
  }
}

/** Resolves at the first Ctrl+C or termination; a second one ends at once. */
function untilInterrupted(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const stop = (): void => {
      if (asked) process.exit(130);
      asked = true;
      resolve();
    };
    process.on('SIGINT', stop);
    onPauseSignal(stop);
    process.on('SIGHUP', stop);
  });
}

export const serveCommand: Command = { help, flags, run: (argv) => serve(argv) };
