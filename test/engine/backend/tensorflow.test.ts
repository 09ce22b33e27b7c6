/** The numeric suite on tfjs-node: every operation and every layer (test/support/devices.ts says where a stand-in serves). */
import { onTensorflow } from '../../support/devices.ts';
import { deviceSuite } from './suite.ts';

onTensorflow(deviceSuite);
