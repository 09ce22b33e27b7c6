/** The reference files on a device: see reference-suite.ts. */
import { standIn } from '../../support/devices.ts';
import { referenceSuite } from './reference-suite.ts';

referenceSuite(standIn);
