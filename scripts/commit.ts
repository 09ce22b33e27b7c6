/**
 * The commit of this checkout, for packages that are built from it: figures, reports and runs give it where they name their software. Run as a program it
 * writes out/packed.json, which the desktop's package contains.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { checkout } from './launch/run.mjs';
import { writeJson } from './launch/stamp.mjs';

/** Nulls outside a checkout, or without git. */
export function commitOfCheckout(): { commit: string | null; modified: boolean | null } {
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', checkout, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  try {
    return { commit: git('rev-parse', 'HEAD'), modified: git('status', '--porcelain', '--untracked-files=no') !== '' };
  } catch {
    return { commit: null, modified: null };
  }
}

if (import.meta.main) writeJson(join(checkout, 'out/packed.json'), commitOfCheckout());
