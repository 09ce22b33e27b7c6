/** Options of a measurement: what the experiment format asks for, in its own words, and what the engine adds. */
import type { Optional } from '../../shared/defined.ts';
import type { MeasurementSpec } from '../../shared/experiment.ts';
import type { DeviceSession } from './device/session.ts';

/** One parameter over samples 0 .. samples - 1, with its seed. */
export interface SampleOptions {
  /** A parameter's name, or "network" for all parameters as one vector. */
  readonly parameter: string;
  /** Default all. Exact: at least 4; projected: at least 8. */
  readonly samples?: number | undefined;
  /** Of the random halves, and of what else is drawn: rotations, start vectors, probes. */
  readonly seed: number;
}

/** Progress of a measurement, and how to stop it. */
export interface ProgressOptions {
  readonly signal?: AbortSignal | undefined;
  /** Stage in words and share done, 0 to 1. */
  readonly onProgress?: ((stage: string, share: number) => void) | undefined;
}

/**
 * `MeasurementSpec` says what its fields mean; one that is left out has the default of its schema or of `measurementDefaults`. `method` and the extras that are
 * measured after a measurement (`minibatch_noise`, `weight_fluctuations`, `density`, convergence `full`) are handled by `measureLayer`; the two methods ignore them.
 */
export interface MeasurementOptions
  extends
    SampleOptions,
    ProgressOptions,
    Omit<Optional<MeasurementSpec>, 'parameters' | 'when' | 'precision' | keyof SampleOptions> {
  /** Exact: threads of the library in the eigendecomposition over all samples (`decompose`): its last digits depend on them. */
  readonly libraryThreads: number;
  /** 95 % intervals from resampling blocks of samples; default true. Convergence `training-set` needs them. */
  readonly intervals?: boolean | undefined;
  /** Random splits that cross-fitted slopes are the median over, if intervals are computed; default several (splits.ts). */
  readonly splits?: 'several' | 'one' | undefined;
  /** Exact: bytes that the measurement may use; a larger one is refused before it starts. Default: no limit. */
  readonly memoryLimit?: number | undefined;
  /** Projected: residual at which a pair has converged, relative to |lambda|; default 1e-4. */
  readonly tolerance?: number | undefined;
  /** Projected: products with H that each search may take; default 20 k + 500. */
  readonly maxProducts?: number | undefined;
  /** Projected: random probes for the traces of H and Q if not all directions are found; default 16. */
  readonly probes?: number | undefined;
  /** Projected: bytes that the worker threads together may keep of linearised samples; default 1 GiB (a quarter of it under WebAssembly). */
  readonly cacheBytes?: number | undefined;
  /** Makes passes, products and samples' values along directions in float32; the rest is done by the cpu in float64. Default: the cpu does all. */
  readonly device?: DeviceSession | undefined;
}

/** Options without those that only the exact method needs. */
export type ProjectedOptions = Omit<MeasurementOptions, 'libraryThreads'>;

export const defaultTolerance = 1e-4;

export const defaultProbes = 16;
