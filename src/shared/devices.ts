/** Names of what may compute: the cpu backend, and TensorFlow.js devices in the order in which they are preferred. */
export const deviceNames = ['cuda', 'webgpu', 'tfjs-node'] as const;
/** cuda: tfjs-node-gpu; webgpu: any card through Dawn; tfjs-node: libtensorflow on the processor. */
export type DeviceName = (typeof deviceNames)[number];

export const backendChoices = ['auto', 'cpu', ...deviceNames] as const;
/** auto: what calibration found the fastest for the network's size; else that one, or a failure that says why not. */
export type BackendChoice = (typeof backendChoices)[number];
