/** A TensorFlow.js device, open or not. */
import type { DeviceName } from '../../../shared/devices.ts';
import type { TfjsBackend } from './backend.ts';
import type { DeviceFault } from './device-error.ts';
import type { Tf } from './tensor.ts';

/** Imports a package by name; tests put stand-ins in their place. */
export type ImportModule = (name: string) => Promise<unknown>;

/** A device that is open, or why it is not. */
export type DeviceOutcome =
  | { readonly available: true; readonly device: OpenDevice }
  | {
      readonly available: false;
      readonly name: DeviceName;
      /** "tfjs-node-gpu (CUDA)". */
      readonly title: string;
      /** What failed, in the library's own words if there are any. */
      readonly reason: string;
      /** What to install or to run. */
      readonly remedy: string;
    };

export interface OpenDevice {
  readonly name: DeviceName;
  /** "WebGPU (NVIDIA H100)". */
  readonly title: string;
  /** Computed by the processor: correct, but no faster than the cpu backend; never chosen automatically. */
  readonly isSoftware: boolean;
  /** The library's memory statistics, whose count of tensors the tests read. */
  readonly tf: Tf;
  /** A backend on the device; several may share it. */
  readonly backend: () => TfjsBackend;
  /** Whether the device and its tensors remain valid after such a failure: it need not be reopened. Default: they are not. */
  readonly survives?: (fault: DeviceFault) => boolean;
  /** Reopens the device after it was lost; earlier backends and tensors are invalid. */
  readonly reopen: () => Promise<OpenDevice>;
  /** Releases the device. */
  readonly close: () => void;
}

/** Why a device cannot be opened, with a remedy of its own. */
export class Unavailable extends Error {
  readonly remedy: string;

  constructor(message: string, remedy: string) {
    super(message);
    this.remedy = remedy;
  }
}
