#!/usr/bin/env node
/** The command `covature` of a linked or globally installed checkout (package.json's `bin`); the same as `npm run covature --`. */
process.argv.splice(2, 0, 'covature');
void import('./launch.mjs');
