/** The reference files on a device: see reference-suite.ts. */
import { webGpu } from '../../support/devices.ts';
import { referenceSuite } from './reference-suite.ts';

referenceSuite(webGpu);
