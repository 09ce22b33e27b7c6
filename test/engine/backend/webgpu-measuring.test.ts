/** Training and measuring on a device: see measuring-suite.ts. */
import { webGpu } from '../../support/devices.ts';
import { measuringSuite } from './measuring-suite.ts';

measuringSuite(webGpu);
