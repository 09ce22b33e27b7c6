/** "~" as a shell writes the home folder. */
import { homedir } from 'node:os';
import * as path from 'node:path';

/** "~" and "~/data" as absolute paths; every other path as it is ("~name", another user's home, too). */
export function expandHome(place: string, home = homedir()): string {
  if (place === '~') return home;
  return /^~[/\\]/.test(place) ? path.join(home, place.slice(2)) : place;
}
