/** Names of the backends: the cpu, and TensorFlow.js devices in order of preference. */
export const deviceNames = ['cuda', 'webgpu', 'tfjs-node'] as const;
/** cuda: tfjs-node-gpu; webgpu: any card through Dawn; tfjs-node: libtensorflow on the processor. */
export type DeviceName = (typeof deviceNames)[number];

export const backendChoices = ['auto', 'cpu', ...deviceNames] as const;
/** auto: whatever calibration found fastest for the network's size; any other name: that device, or an error that says why it cannot be used. */
export type BackendChoice = (typeof backendChoices)[number];
