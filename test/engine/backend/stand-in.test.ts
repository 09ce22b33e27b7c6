/** The numeric suite on tfjs-node-gpu, with a stand-in for the package (test/support/devices.ts). */
import { standIn } from '../../support/devices.ts';
import { deviceSuite } from './suite.ts';

deviceSuite(standIn);
