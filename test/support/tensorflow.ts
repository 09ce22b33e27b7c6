/** Whether the real TensorFlow is here. */
import { existsSync } from 'node:fs';

/** true where tfjs-node has its binding and its library, else why not. */
export const tensorflowAvailable: true | string =
  existsSync(new URL('../../node_modules/@tensorflow/tfjs-node/lib/napi-v8/tfjs_binding.node', import.meta.url)) ||
  'tfjs-node has no library here ("npm run setup:tensorflow -- --python" fetches one)';
