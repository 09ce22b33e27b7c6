/** Training and measuring on a device: see measuring-suite.ts. */
import { standIn } from '../../support/devices.ts';
import { measuringSuite } from './measuring-suite.ts';

measuringSuite(standIn);
