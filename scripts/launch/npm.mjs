/** Finds npm and runs it. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { basename, delimiter, dirname, join } from 'node:path';
import process from 'node:process';
import { checkout } from './run.mjs';
import { Interrupted, SetupError } from './say.mjs';
import { readJson } from './stamp.mjs';

/** The lock file's format (version 3) is read by npm 7 and later. */
const oldestNpm = 7;

/**
 * @typedef {object} Npm
 * @property {string} command
 * @property {string[]} first arguments that come before npm's own
 * @property {boolean} shell whether the command is a batch file, which only a shell can start
 * @property {string} version
 */

/**
 * The npm that started this process, or the first on the PATH, or the one installed with this Node.
 * @returns {Npm}
 */
export function findNpm() {
  const script = process.env['npm_execpath'];
  const npm =
    script && basename(script) === 'npm-cli.js' && existsSync(script) ? fromScript(script) : (onPath() ?? besideNode());
  if (npm === undefined) {
    throw new SetupError(
      'npm was not found, and it is needed to install the packages once. It comes with Node from https://nodejs.org ' +
        '(on Debian and Ubuntu it is a separate package: sudo apt-get install npm).',
    );
  }
  if (!(Number(npm.version.split('.')[0]) >= oldestNpm)) {
    throw new SetupError(
      `npm ${oldestNpm} or newer is needed to install the packages, and this is npm ${npm.version}. Node 20 brings npm 10: https://nodejs.org`,
    );
  }
  return npm;
}

/** @param {string} script @returns {Npm | undefined} */
function fromScript(script) {
  const version = readJson(join(dirname(script), '../package.json'))?.version;
  return typeof version === 'string' ? { command: systemNode(), first: [script], shell: false, version } : undefined;
}

/** @returns {Npm | undefined} */
function onPath() {
  const windows = process.platform === 'win32';
  const command = windows ? 'npm.cmd' : 'npm';
  const { status, stdout } = spawnSync(command, ['--version'], {
    encoding: 'utf8',
    shell: windows,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return status === 0 ? { command, first: [], shell: windows, version: stdout.trim() } : undefined;
}

/** @returns {Npm | undefined} */
function besideNode() {
  const folder = dirname(process.execPath);
  const script = [
    join(folder, 'node_modules/npm/bin/npm-cli.js'),
    join(folder, '../lib/node_modules/npm/bin/npm-cli.js'),
  ].find((path) => existsSync(path));
  return script === undefined ? undefined : fromScript(script);
}

/**
 * The Node that runs npm: not the one inside node_modules, which npm may be about to replace.
 * @returns {string}
 */
function systemNode() {
  const name = process.platform === 'win32' ? 'node.exe' : 'node';
  if (!isInstalled(process.execPath)) return process.execPath;
  const beside = (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '' && !isInstalled(folder))
    .map((folder) => join(folder, name));
  return beside.find((path) => existsSync(path)) ?? process.execPath;
}

/** @param {string} path */
function isInstalled(path) {
  return path.split(/[\\/]/).includes('node_modules');
}

/**
 * Runs npm with its output on stderr. Resolves to the exit status (1 for a signal).
 * @param {Npm} npm
 * @param {string[]} args words without spaces or characters that a shell interprets
 * @param {{ cwd?: string, onStart: (pid: number) => void }} options cwd: the checkout unless given
 * @returns {Promise<number>}
 */
export function runNpm(npm, args, { cwd = checkout, onStart }) {
  return new Promise((resolve, reject) => {
    const child = spawn(npm.command, [...npm.first, ...args], {
      cwd,
      shell: npm.shell,
      stdio: ['ignore', 2, 2],
    });
    const stop = (/** @type {NodeJS.Signals} */ signal) => void child.kill(signal);
    process.on('SIGINT', stop).on('SIGTERM', stop);
    const settle = () => process.off('SIGINT', stop).off('SIGTERM', stop);
    child.once('spawn', () => onStart(child.pid ?? 0));
    child.once('error', (error) => {
      settle();
      reject(error);
    });
    child.once('close', (status, signal) => {
      settle();
      if (signal === 'SIGINT' || signal === 'SIGTERM') reject(new Interrupted(signal));
      else resolve(status ?? 1);
    });
  });
}

/**
 * Whether the user has switched install scripts off (`ignore-scripts` in any npm configuration that applies here).
 * @param {Npm} npm
 */
export function ignoresScripts(npm) {
  const { stdout } = spawnSync(npm.command, [...npm.first, 'config', 'get', 'ignore-scripts'], {
    cwd: checkout,
    encoding: 'utf8',
    shell: npm.shell,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return stdout?.trim() === 'true';
}
