/** The device that a job computes with beside the cpu, if any. */
import { openDevice } from '../../engine/backend/tfjs/load.ts';
import type { OpenDevice } from '../../engine/backend/tfjs/device.ts';
import type { BackendChoice } from '../../shared/devices.ts';
import { InputError } from '../../shared/errors.ts';
import type { EngineOptions } from './protocol.ts';

/** Which part of a job: training, or measuring. */
export type JobPart = 'training' | 'measuring';

/** What computes a part of a job: the user's choice, else what calibration picked, else the cpu. */
export function backendFor(options: EngineOptions, part: JobPart): Exclude<BackendChoice, 'auto'> {
  const chosen = options.backend ?? 'auto';
  return chosen === 'auto' ? (options.picked?.[part] ?? 'cpu') : chosen;
}

/** Devices of a job, opened when first asked for and closed together. */
export class JobDevices {
  readonly #options: EngineOptions;
  readonly #say: (message: string) => void;
  #open: OpenDevice | null = null;

  /** @param say tells the user what came otherwise than picked. */
  constructor(options: EngineOptions, say: (message: string) => void) {
    this.#options = options;
    this.#say = say;
  }

  /**
   * The device for a part, or null for the cpu. Raises InputError where the user asked for a device that does not open; one that calibration picked and
   * that is gone since is replaced by the cpu.
   */
  async for(part: JobPart): Promise<OpenDevice | null> {
    const name = backendFor(this.#options, part);
    if (name === 'cpu') return null;
    if (this.#open !== null) {
      // TensorFlow.js has one current device in a process.
      if (this.#open.name === name) return this.#open;
      throw new InputError(`${part} on ${name} and the rest on ${this.#open.name}: one job computes on one device`);
    }
    const outcome = await openDevice(name);
    if (outcome.available) {
      this.#open = outcome.device;
      if (outcome.device.isSoftware)
        this.#say(`${outcome.device.title} computes on the processor: right, but slower than --backend cpu`);
      return outcome.device;
    }
    const message = `${outcome.title} is not available: ${outcome.reason}. ${outcome.remedy}`;
    if ((this.#options.backend ?? 'auto') !== 'auto') throw new InputError(message);
    this.#say(`${message}; the cpu computes instead`);
    return null;
  }

  close(): void {
    this.#open?.close();
    this.#open = null;
  }
}
