/** The commit of a checkout, for packages that are made from it: they say it wherever a figure, a report or a run names its software. */
import { execFileSync } from 'node:child_process';

/**
 * @param {string} root the checkout
 * @returns {{ commit: string | null, modified: boolean | null }} nulls outside a checkout, and where there is no git
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
