/** `.covature` files that the user opens from outside: at the start, while this runs, and on macOS by an event of its own. */
import { app } from 'electron';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

export interface OpenedFiles {
  /** From now on files go to `listener`; first those that came before, and `more`. */
  deliverTo(listener: (file: string) => void, more: readonly string[]): void;
}

/** Before the application is ready: macOS may send a file as the first thing. */
export function setupOpenedFiles(): OpenedFiles {
  let waiting: string[] = [];
  let deliver: ((file: string) => void) | null = null;
  const take = (file: string): void => {
    if (deliver === null) waiting.push(file);
    else deliver(file);
  };
  app.on('open-file', (event, file) => {
    event.preventDefault();
    take(file);
  });
  app.on('second-instance', (_event, argv, workingDirectory) => {
    for (const file of filesIn(argv, workingDirectory)) take(file);
  });
  return {
    deliverTo(listener, more) {
      deliver = listener;
      for (const file of [...waiting, ...more]) listener(file);
      waiting = [];
    },
  };
}

/** The `.covature` files of a command line: paths, relative to `folder`, or `file:` addresses, which Linux desktops hand over. */
export function filesIn(argv: readonly string[], folder = process.cwd()): string[] {
  return argv
    .slice(1)
    .filter((text) => !text.startsWith('-'))
    .flatMap((text) => pathOf(text, folder))
    .filter((file) => file.toLowerCase().endsWith('.covature'));
}

function pathOf(text: string, folder: string): string[] {
  if (!/^file:/i.test(text)) return [path.resolve(folder, text)];
  try {
    return [fileURLToPath(text)];
  } catch {
    // An address of another host, or broken: it names no file of this machine.
    return [];
  }
}
