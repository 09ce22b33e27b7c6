/**
 * A device at work on one network and its samples: chunks of samples are enqueued, two at a time, and settled on the host in order. If the device
 * fails (memory ran out, the driver was reset) it is reopened, unless it survived, and unfinished work is repeated in smaller chunks; below
 * `smallestChunk` the failure is passed to the caller.
 */
import type { MeasurementInput } from '../measurement-input.ts';
import { messageOf } from '../../../shared/errors.ts';
import type { DevicePrecision } from '../../../shared/results.ts';
import { asDeviceError, DeviceError } from '../../backend/tfjs/device-error.ts';
import type { DeviceFault } from '../../backend/tfjs/device-error.ts';
import type { Backend, Tensor } from '../../backend/types.ts';
import { Network } from '../../network/network.ts';

/** A device as this code sees it; `OpenDevice` (backend/tfjs/device.ts) is one. */
export interface ComputeDevice {
  /** "WebGPU (NVIDIA H100)". */
  readonly title: string;
  readonly backend: () => Backend;
  /** Bytes that one buffer may have; default 2^31 - 1. */
  readonly maxBufferBytes?: number;
  /** Whether it and its tensors remain valid after such a failure; default: they do not. */
  readonly survives?: (fault: DeviceFault) => boolean;
  /** Reopens it after a failure; earlier backends and tensors are invalid. */
  readonly reopen: () => Promise<ComputeDevice>;
}

/** The network with its weights and the samples, on the device. */
export interface DeviceProblem {
  readonly network: Network;
  readonly backend: Backend;
  readonly inputs: Tensor;
  readonly targets: Tensor;
}

/** Samples of a chunk if memory allows. */
export const usualChunk = 4096;
export const smallestChunk = 32;
/** Bytes of a chunk's tensors, about; every card in use has as much. */
const chunkBytes = 2 ** 31;

export interface ChunkWork<P, T> {
  /** Makes what stays on the device for all chunks (kept tensors). */
  readonly prepare: (problem: DeviceProblem) => P;
  /** Enqueues samples [start, start + count) and returns what has to be settled. Called in a scope. */
  readonly enqueue: (problem: DeviceProblem, prepared: P, start: number, count: number) => Promise<T>;
  /** On the host, in order of the chunks. */
  readonly settle: (result: T, start: number, count: number) => void;
  /** Releases what `prepare` made. */
  readonly finish: (problem: DeviceProblem, prepared: P) => void;
}

export interface DeviceSessionOptions {
  /** Samples of a chunk at most; default 4,096. */
  readonly chunk?: number;
  /** Called when the device failed and the work continues in smaller chunks. */
  readonly onFallback?: (message: string) => void;
}

export class DeviceSession {
  readonly #input: MeasurementInput;
  readonly #onFallback: ((message: string) => void) | undefined;
  #device: ComputeDevice;
  #problem: DeviceProblem | null = null;
  #chunk: number;
  /** Samples of the chunks under way. */
  #underWay = 0;
  /** The device's messages when it failed, and how the work continued. */
  readonly fallbacks: string[] = [];

  constructor(device: ComputeDevice, input: MeasurementInput, options: DeviceSessionOptions = {}) {
    this.#device = device;
    this.#input = input;
    this.#chunk = options.chunk ?? usualChunk;
    this.#onFallback = options.onFallback;
  }

  get title(): string {
    return this.#device.title;
  }

  /** Samples of a chunk now. */
  get chunk(): number {
    return this.#chunk;
  }

  get maxBufferBytes(): number {
    return this.#device.maxBufferBytes ?? 2 ** 31 - 1;
  }

  get problem(): DeviceProblem {
    this.#problem ??= openProblemOn(this.#device.backend(), this.#input);
    return this.#problem;
  }

  /** Samples that fit at `bytes` a sample, of which the largest tensor takes `largest`. */
  fitting(bytes: number, largest: number): number {
    const most = Math.min(Math.floor(chunkBytes / bytes), Math.floor(this.maxBufferBytes / largest));
    return Math.max(1, Math.min(this.#chunk, most));
  }

  /** Samples [from, to) in chunks of at most `limit()`, which is asked again after a failure. */
  async run<P, T>(from: number, to: number, limit: () => number, work: ChunkWork<P, T>): Promise<void> {
    let done = from;
    while (done < to) {
      try {
        await this.#runFrom(done, to, limit(), work, (end) => {
          done = end;
        });
      } catch (error) {
        const failure = asDeviceError(error);
        if (!(failure instanceof DeviceError)) throw error;
        await this.#fallBack(failure);
      }
    }
  }

  /** Releases the problem's tensors; the device stays. */
  close(): void {
    const problem = this.#problem;
    this.#problem = null;
    if (problem === null) return;
    const { backend, network, inputs, targets } = problem;
    for (const tensor of [...network.weights.values(), inputs, targets]) backend.release(tensor);
  }

  async #runFrom<P, T>(
    from: number,
    to: number,
    chunk: number,
    work: ChunkWork<P, T>,
    onSettled: (end: number) => void,
  ): Promise<void> {
    const { problem } = this;
    const { backend } = problem;
    this.#underWay = Math.min(chunk, to - from);
    const prepared = work.prepare(problem);
    let pending: { readonly result: Promise<T>; readonly start: number; readonly count: number } | null = null;
    const settle = async (each: NonNullable<typeof pending>): Promise<void> => {
      work.settle(await each.result, each.start, each.count);
      onSettled(each.start + each.count);
    };
    try {
      for (let start = from; start < to; start += chunk) {
        const count = Math.min(chunk, to - start);
        const result = backend.scope(() => work.enqueue(problem, prepared, start, count));
        // A failure shows when this is awaited, one chunk later.
        result.catch(() => undefined);
        const before: typeof pending = pending;
        pending = { result, start, count };
        if (before !== null) await settle(before);
      }
      if (pending !== null) await settle(pending);
    } finally {
      await pending?.result.catch(() => undefined);
      if (this.#problem === problem) work.finish(problem, prepared);
    }
  }

  async #fallBack(error: DeviceError): Promise<void> {
    const failed = this.#underWay === 0 ? this.#chunk : Math.min(this.#chunk, this.#underWay);
    const smaller = Math.floor(failed / 2);
    if (smaller < smallestChunk)
      throw new DeviceError(
        error.fault,
        `${this.title}: ${error.message}; chunks of ${failed} samples are the smallest that are tried`,
      );
    const message = `${this.title}: ${error.message}; going on in chunks of ${smaller} samples`;
    this.fallbacks.push(message);
    this.#onFallback?.(message);
    this.#chunk = smaller;
    if (this.#device.survives?.(error.fault) === true) return;
    this.#problem = null;
    try {
      this.#device = await this.#device.reopen();
    } catch (second) {
      throw new DeviceError(
        error.fault,
        `${this.title}: ${error.message}; it could not be opened again: ${messageOf(second)}`,
      );
    }
  }
}

function openProblemOn(backend: Backend, { model, weights, inputs, targets }: MeasurementInput): DeviceProblem {
  const network = new Network(model, backend);
  for (const { name } of [...network.parameters, ...network.states]) {
    const values = weights.get(name);
    if (values === undefined) throw new Error(`weights of ${name} are missing`);
    network.setWeight(name, values);
  }
  return {
    network,
    backend,
    inputs: backend.table(inputs, network.inputSize),
    targets: backend.table(targets, network.targetSize),
  };
}

/** How a device's failures were handled, for a summary; no field if it did not fail. */
export function fallbacksOf({ fallbacks }: Pick<DeviceSession, 'fallbacks'>): Pick<DevicePrecision, 'fallbacks'> {
  return fallbacks.length > 0 ? { fallbacks: [...fallbacks] } : {};
}
