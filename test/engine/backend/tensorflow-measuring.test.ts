/** Measuring on tfjs-node: see measuring-suite.ts. */
import { onTensorflow } from '../../support/devices.ts';
import { measuringSuite } from './measuring-suite.ts';

onTensorflow(measuringSuite);
