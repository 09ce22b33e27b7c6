/** Opens one device in a process of its own and reports the outcome on standard output as JSON, so that a crashing driver affects nothing else. */
import { openDevice } from '../../engine/backend/tfjs/load.ts';
import { deviceNames } from '../../shared/devices.ts';
import { explained } from './cuda-pieces.ts';

const name = deviceNames.find((each) => each === process.argv[2]);
if (name === undefined) throw new Error(`device-probe: expected one of ${deviceNames.join(', ')}`);
const outcome = await openDevice(name);
const { available } = outcome;
const answer = available
  ? { name, available, title: outcome.device.title, isSoftware: outcome.device.isSoftware }
  : explained({ name, available, title: outcome.title, reason: outcome.reason, remedy: outcome.remedy });
process.stdout.write(`${JSON.stringify(answer)}\n`, () => {
  // At once: a driver's own threads may keep the process.
  process.exit(0);
});
