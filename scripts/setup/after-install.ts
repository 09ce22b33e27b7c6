/** After an installation: links TensorFlow from the user's cache folder, and with an NVIDIA card fetches libtensorflow, without which no run can use it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { findNpm, ignoresScripts } from '../launch/npm.mjs';
import { checkout, plainly } from '../launch/run.mjs';
import { say } from '../launch/say.mjs';
import { ensureTensorflow, hasNvidiaCard, hasTensorflow } from './downloads.ts';
import { linkTensorflow } from './tensorflow.ts';

await plainly(async () => {
  linkTensorflow(checkout);
  const isWanted = hasNvidiaCard() && existsSync(join(checkout, 'node_modules/@tensorflow/tfjs-node-gpu'));
  if (!isWanted || hasTensorflow(checkout)) return;
  if (!ignoresScripts(findNpm())) await ensureTensorflow(checkout);
  else
    say(
      'libtensorflow, which trains on the NVIDIA card of this machine, is missing: install scripts are switched off by ignore-scripts in your npm ' +
        'configuration. "npm run setup:tensorflow" fetches it',
    );
});
