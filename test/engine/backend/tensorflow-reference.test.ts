/** The reference files on tfjs-node: see reference-suite.ts. */
import { onTensorflow } from '../../support/devices.ts';
import { referenceSuite } from './reference-suite.ts';

onTensorflow(referenceSuite);
