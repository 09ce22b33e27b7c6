#!/usr/bin/env node
/**
 * The command `covature` of the installed package (bin/covature.mjs there). Parses on Nodes far too old for the rest, which is imported afterwards.
 */
const [major, minor] = process.versions.node.split('.').map(Number);

if (!(major > 22 || (major === 22 && minor >= 14))) {
  process.stderr.write(
    'covature: Node 22.14 or newer is needed, and this is Node ' +
      process.versions.node +
      ' (' +
      process.execPath +
      '). Install a newer one from https://nodejs.org or your system, and run the command again.\n',
  );
  process.exit(1);
}

// Sums run in worker threads with one thread of the library each; libraries read this once, when they are loaded. Values that the user has set are kept.
for (const name of ['OPENBLAS', 'MKL', 'VECLIB_MAXIMUM', 'BLIS', 'OMP']) {
  const variable = name === 'VECLIB_MAXIMUM' ? 'VECLIB_MAXIMUM_THREADS' : name + '_NUM_THREADS';
  process.env[variable] = process.env[variable] || '1';
}
process.env['COVATURE_INVOCATION'] = process.env['COVATURE_INVOCATION'] || 'covature';

void import(new URL('../out/main/cli/index.js', import.meta.url).href);
