/** The numeric suite on WebGPU, on SwiftShader where there is no card. */
import { webGpu } from '../../support/devices.ts';
import { deviceSuite } from './suite.ts';

deviceSuite(webGpu);
