/**
 * The entry point of every npm script of this project: `node scripts/launch.mjs <what> [arguments]`. Plain JavaScript without any package, for
 * whatever Node the machine has (20 or newer). It installs from the lock file if necessary, builds what is out of date, and
 * continues with the pinned Node 24.
 *
 * This file only checks the version. It must parse and run on Nodes far too old for the rest, so the rest is imported afterwards.
 */
// SIGUSR1 asks a run to pause. Without a handler it would open Node's inspector.
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
