/** The commit of a checkout, for packages that are built from it: figures, reports and runs give it where they name their software. */
import { execFileSync } from 'node:child_process';

/**
 * @param {string} root the checkout
 * @returns {{ commit: string | null, modified: boolean | null }} nulls outside a checkout, or without git
 */
export function commitOf(root) {
  const git = (/** @type {string[]} */ ...args) =>
    execFileSync('git', ['-C', root, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    return { commit: git('rev-parse', 'HEAD'), modified: git('status', '--porcelain', '--untracked-files=no') !== '' };
  } catch {
    return { commit: null, modified: null };
  }
}
