/** The command line: `covature <command>`. This file loads nothing native before it has checked the Node version. */
// Ignored until a command listens to it; without a listener it would open Node's inspector.
if (process.platform !== 'win32') process.on('SIGUSR1', () => undefined);

const major = Number(process.versions.node.split('.')[0]);
if (major < 22) {
  process.stderr.write(
    `covature: this needs Node 22 or newer (24 is pinned in the project) and runs under ${process.versions.node}. ` +
      'Start it as "npm run --silent covature -- <command>", which uses the pinned one.\n',
  );
  process.exit(1);
}

const { main, passOverClosedPipes } = await import('./main.ts');
passOverClosedPipes();
process.exitCode = await main(process.argv.slice(2));
export {};
