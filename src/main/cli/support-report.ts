/** What a maintainer needs to know about a machine, without personal data. */
import { homedir, hostname, userInfo } from 'node:os';

/** Personal data of this machine. */
export interface Personal {
  /** The user's folder, absolute. */
  readonly home: string;
  readonly user: string;
  readonly host: string;
}

export function personalHere(): Personal {
  return { home: homedir(), user: userInfo().username, host: hostname() };
}

/**
 * The text with personal data replaced: the user's folder by `~`, folders of an absolute path by `…` (its last part stays), the user's and the machine's
 * name by `<user>` and `<host>`. Names of libraries and systems stay, because faults depend on them.
 */
export function withoutPersonal(text: string, { home, user, host }: Personal): string {
  let shortened = home.length > 1 ? text.replaceAll(home, '~') : text;
  // Absolute paths of three parts and more, of any system; libraries below the system's own folders stay as they are.
  shortened = shortened.replace(
    /(?<![\w/~.:-])(?:\/|~\/|[A-Za-z]:\\)(?:[^\s/\\"'()]+[/\\]){2,}[^\s/\\"'(),:;]*/g,
    (path) => (/^\/(usr|lib|lib64|opt|System|Library)\//.test(path) ? path : `…/${path.split(/[/\\]/).at(-1)}`),
  );
  for (const [name, mark] of [
    [user, '<user>'],
    [host, '<host>'],
  ] as const)
    if (name.length > 1)
      shortened = shortened.replaceAll(new RegExp(`(?<![\\w-])${escaped(name)}(?![\\w-])`, 'g'), mark);
  return shortened;
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
