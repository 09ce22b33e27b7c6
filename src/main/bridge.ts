/** The bridge from PyTorch, resources/python/covature.py: its location, and a copy of it that knows how to call this program. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { writeFileAtomic } from '../data/files.ts';

const marker = 'COMMAND: Optional[List[str]] = None';

/** The file's path and text. */
export function bridgeFile(): { readonly path: string; readonly text: string } {
  const path = fileURLToPath(new URL('../../resources/python/covature.py', import.meta.url));
  return { path, text: readFileSync(path, 'utf8') };
}

/** The text of a copy, in which `measure` calls the program by `command`; null: the file looks for the program itself. */
export function bridgeCopy(command: readonly string[] | null): string {
  const { text } = bridgeFile();
  if (!text.includes(marker)) throw new Error(`covature.py has no line "${marker}"`);
  return command === null ? text : text.replace(marker, `COMMAND: Optional[List[str]] = ${JSON.stringify(command)}`);
}

export async function writeBridge(target: string, command: readonly string[] | null): Promise<void> {
  await writeFileAtomic(target, bridgeCopy(command));
}

/** The command that calls the command line of this checkout: the Node that runs it, through the launcher; null if there is none (a packaged desktop). */
export function ownCommand(): string[] | null {
  const script = fileURLToPath(new URL('../../scripts/covature.mjs', import.meta.url));
  if (!existsSync(script)) return null;
  return ['electron' in process.versions ? 'node' : process.execPath, script];
}
