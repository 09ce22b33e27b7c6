/**
 * Where every npm script of this project begins: `node scripts/launch.mjs <what> [arguments]`. Plain JavaScript without any package, for the
 * Node that the machine happens to have (20 or newer). It installs from the lock file where that is needed, builds what is out of date, and
 * goes on under the pinned Node 24.
 *
 * This file only checks the version. It must parse and run on Nodes far too old for the rest, so the rest is imported afterwards.
 */
// Unheard, SIGUSR1 would open Node's inspector; it asks a run to pause.
if (process.platform !== 'win32') process.on('SIGUSR1', function () {});

const version = process.versions.node;

if (!(Number(version.split('.')[0]) >= 20)) {
  process.stderr.write(
    'covature: Node 20 or newer is needed to begin with, and this is Node ' +
      version +
      ' (' +
      process.execPath +
      "). Install a newer one (https://nodejs.org, or your system's package manager) and run the command again.\n",
  );
  process.exit(1);
}

void import('./launch/main.mjs').then((launcher) => launcher.main(process.argv.slice(2)));
