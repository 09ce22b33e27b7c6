/** `npm run demo`; loads nothing native before it has checked the Node version. */
const major = Number(process.versions.node.split('.')[0]);
if (major < 22) {
  process.stderr.write(
    `covature: the demo needs Node 22 or newer and runs under ${process.versions.node}; start it as "npm run demo"\n`,
  );
  process.exit(1);
}

const { runDemo } = await import('./demo.ts');
const { messageOf } = await import('../../shared/errors.ts');
try {
  process.exitCode = await runDemo(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`demo: ${messageOf(error)}\n`);
  process.exitCode = error instanceof Error && (error.name === 'InputError' || error.name === 'UsageError') ? 2 : 1;
}
export {};
