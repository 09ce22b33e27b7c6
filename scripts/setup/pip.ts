/** PyPI through the user's own pip: wheels for this machine, whichever Python runs pip, and the disk space that they need. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { SetupError } from '../launch/say.mjs';
import { runGuarded } from './guard.ts';

/** Options that make pip choose the wheels of one Python version, whichever Python runs pip, for this machine and its glibc. */
function wheelsForHere(): string[] {
  const machine = process.arch === 'x64' ? 'x86_64' : 'aarch64';
  const glibc = glibcMinor();
  const platforms = [28, 27, 17].filter((minor) => minor <= glibc).map((minor) => `manylinux_2_${minor}_${machine}`);
  return [
    ...['--only-binary', ':all:', '--python-version', '3.12', '--implementation', 'cp'],
    ...[...platforms, `manylinux2014_${machine}`].flatMap((platform) => ['--platform', platform]),
  ];
}

/** The second number of glibc's version; 17 if Node does not say. */
function glibcMinor(): number {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return Number(header.glibcVersionRuntime?.split('.')[1] ?? 17);
}

/**
 * Runs pip (`verb`: download or install) for wheels of this machine, in a folder of ours, and shows its progress. Raises a `SetupError` with pip's message
 * and what to do.
 */
export async function pip(
  verb: readonly string[],
  requirements: readonly string[],
  { stage, cache, title }: { stage: string; cache: string; title: string },
): Promise<void> {
  const python = ['python3', 'python'].find(
    (each) => spawnSync(each, ['-m', 'pip', '--version'], { stdio: 'ignore' }).status === 0,
  );
  const offline = `with its wheel fetched elsewhere ("pip download --no-deps ${title}"), "npm run setup:tensorflow -- --python FILE.whl" needs neither pip nor a network`;
  if (python === undefined)
    throw new SetupError(
      `python3 has no pip here, which is needed to download from PyPI: "${existsSync('/usr/bin/apt-get') ? 'sudo apt-get install python3-pip' : 'python3 -m ensurepip'}"; or, ${offline}`,
    );
  const temporary = join(stage, 'pip');
  mkdirSync(temporary, { recursive: true });
  const quietly = ['--disable-pip-version-check', '--no-input', '--no-cache-dir', '--progress-bar', 'off'];
  const reason = await runGuarded({
    command: python,
    args: ['-m', 'pip', ...verb, '--no-deps', ...wheelsForHere(), ...quietly, ...requirements],
    cwd: stage,
    watch: [stage],
    silence: () => 90_000,
    env: { TMPDIR: temporary },
  });
  rmSync(temporary, { recursive: true, force: true });
  if (reason === undefined) return;
  if (/No space left|Errno 28/.test(reason)) throw diskFull(cache);
  throw new SetupError(`pip could not fetch ${title} (${reason}); ${offline}`);
}

/** Raises a `SetupError` if `need` bytes are not free in `cache`. */
export function requireSpace(cache: string, need: number): void {
  const { bavail, bsize } = statfsSync(cache);
  const free = bavail * bsize;
  if (free < need)
    throw diskFull(cache, `${(need / 1e9).toFixed(1)} GB are needed and ${(free / 1e9).toFixed(1)} GB are free`);
}

export function diskFull(cache: string, how = 'the disk is full'): SetupError {
  return new SetupError(
    `${how} in ${cache}: nothing was installed. XDG_CACHE_HOME=/ANOTHER/DISK in the environment puts it elsewhere`,
  );
}
