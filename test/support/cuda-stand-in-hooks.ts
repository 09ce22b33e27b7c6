/** For `node --import`: @tensorflow/tfjs-node-gpu is the stand-in beside this file. Inherited by worker processes through NODE_OPTIONS. */
import { registerHooks } from 'node:module';

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === '@tensorflow/tfjs-node-gpu'
      ? { url: new URL('./cuda-stand-in.ts', import.meta.url).href, shortCircuit: true }
      : next(specifier, context),
});
