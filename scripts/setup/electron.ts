/** `npm run setup:electron`: fetches Electron's binary, also if that has failed today. */
import { checkout, plainly } from '../launch/run.mjs';
import { ensureElectron } from './downloads.ts';

await plainly(async () => {
  process.exitCode = (await ensureElectron(checkout, { again: true })) ? 0 : 1;
});
