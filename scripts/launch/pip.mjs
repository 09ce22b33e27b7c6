/** PyPI through the user's own pip: wheels for this machine, whichever Python runs pip, and the disk space that they need. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { runGuarded } from './guard.mjs';
import { SetupError, say } from './say.mjs';

/** Options that make pip choose the wheels of one Python version, whichever Python runs pip, for this machine and its glibc. */
export function wheelsForHere() {
  const machine = process.arch === 'x64' ? 'x86_64' : 'aarch64';
  const glibc = glibcMinor();
  const platforms = [28, 27, 17].filter((minor) => minor <= glibc).map((minor) => `manylinux_2_${minor}_${machine}`);
  return [
    ...['--only-binary', ':all:', '--python-version', '3.12', '--implementation', 'cp'],
    ...[...platforms, `manylinux2014_${machine}`].flatMap((platform) => ['--platform', platform]),
  ];
}

/** The second number of glibc's version; 17 if Node does not say. */
function glibcMinor() {
  const { header } = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (
    /** @type {unknown} */ (process.report.getReport())
  );
  return Number(header.glibcVersionRuntime?.split('.')[1] ?? 17);
}

/**
 * Runs pip in a folder of ours and shows its progress. Raises a SetupError with pip's message and what to do.
 * @param {string[]} args @param {string} stage @param {string} cache @param {string} what
 */
export async function pip(args, stage, cache, what) {
  const python = ['python3', 'python'].find(
    (each) => spawnSync(each, ['-m', 'pip', '--version'], { stdio: 'ignore' }).status === 0,
  );
  const offline = `with its wheel fetched elsewhere ("pip download --no-deps ${what}"), "npm run setup:tensorflow -- --python FILE.whl" needs neither pip nor a network`;
  if (python === undefined)
    throw new SetupError(
      `python3 has no pip here, which is needed to download from PyPI: "${existsSync('/usr/bin/apt-get') ? 'sudo apt-get install python3-pip' : 'python3 -m ensurepip'}"; or, ${offline}`,
    );
  const temporary = join(stage, 'pip');
  mkdirSync(temporary, { recursive: true });
  const reason = await runGuarded({
    command: python,
    args: [
      '-m',
      'pip',
      '--disable-pip-version-check',
      '--no-input',
      ...args,
      '--no-cache-dir',
      '--progress-bar',
      'off',
    ],
    cwd: stage,
    watch: [stage],
    silence: 90_000,
    env: { ...process.env, TMPDIR: temporary },
    onProgress: (bytes) => say(`${Math.round(bytes / 1e6)} MB so far`),
  });
  rmSync(temporary, { recursive: true, force: true });
  if (reason === undefined) return;
  if (/No space left|Errno 28/.test(reason)) throw diskFull(cache, null);
  throw new SetupError(`pip could not fetch ${what} (${reason}); ${offline}`);
}

/** @param {string} cache @param {number} need bytes */
export function requireSpace(cache, need) {
  const { bavail, bsize } = statfsSync(cache);
  if (bavail * bsize < need) throw diskFull(cache, { need, free: bavail * bsize });
}

/** @param {string} cache @param {{ need: number, free: number } | null} space */
export function diskFull(cache, space) {
  const how =
    space === null
      ? 'the disk is full'
      : `${(space.need / 1e9).toFixed(1)} GB are needed and ${(space.free / 1e9).toFixed(1)} GB are free`;
  return new SetupError(
    `${how} in ${cache}: nothing was installed. XDG_CACHE_HOME=/ANOTHER/DISK in the environment puts it elsewhere`,
  );
}
