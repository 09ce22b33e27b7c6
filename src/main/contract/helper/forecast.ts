/** What one run will take, before it starts: parameters, memory, disk, steps. */
import type { Blas } from '../../../engine/blas/types.ts';
import { CpuBackend } from '../../../engine/backend/cpu.ts';
import { factorLayout } from '../../../engine/curvature/factors.ts';
import { forecastExact, formatBytes } from '../../../engine/curvature/forecast.ts';
import { Network } from '../../../engine/network/network.ts';
import type { ParameterForecast } from '../../../shared/contract/index.ts';
import type { Experiment } from '../../../shared/experiment.ts';
import { selectParameters } from '../../jobs/measuring.ts';
import { dueSteps } from '../../jobs/schedule.ts';

export interface RunForecast {
  readonly parameters: readonly ParameterForecast[];
  readonly weights: number;
  readonly outputShape: readonly number[];
  /** Null where the number of samples is not known. */
  readonly steps: number | null;
  readonly trainingMemory: number | null;
  readonly measuringMemory: number | null;
  readonly availableMemory: number;
  readonly disk: number;
  readonly warnings: readonly string[];
}

/** Checkpoints that a run keeps (src/main/services/recorder.ts). */
const keptCheckpoints = 2;
/** Of a worker process before it holds any data. */
const processBytes = 120e6;

/**
 * Raises InputError where shapes do not fit or a pattern selects no parameter.
 * @param samples of the training part; null where it has not been read yet
 */
export function forecastRun(
  blas: Blas,
  experiment: Experiment,
  samples: number | null,
  memoryLimit: number,
): RunForecast {
  const network = new Network(experiment.model, new CpuBackend(blas, experiment.precision));
  const weights = network.parameters.reduce((sum, { rows, cols }) => sum + rows * cols, 0);
  const stepsPerEpoch = samples === null ? null : Math.ceil(samples / experiment.batch_size);
  const steps = stepsPerEpoch === null ? null : Math.round(experiment.epochs * stepsPerEpoch);
  const times = new Map<string, number>();
  for (const spec of experiment.measurements) {
    const count =
      stepsPerEpoch === null || steps === null
        ? countWithoutSteps(spec.when)
        : dueSteps(spec.when, stepsPerEpoch, steps).size;
    for (const name of selectParameters(network, spec.parameters)) times.set(name, (times.get(name) ?? 0) + count);
  }
  const warnings: string[] = [];
  let measuringMemory = 0;
  let disk = 0;
  const bytes = experiment.precision === 'float64' ? 8 : 4;
  const parameters = network.parameters.map(({ name, shape, rows, cols }): ParameterForecast => {
    const size = rows * cols;
    const planned = times.get(name) ?? 0;
    if (planned === 0) return { name, shape, size, times: 0, memory: null, disk: null };
    const layout = factorLayout(network, name);
    if (typeof layout === 'string') {
      warnings.push(layout);
      return { name, shape, size, times: planned, memory: null, disk: null };
    }
    const exact = forecastExact(layout);
    measuringMemory = Math.max(measuringMemory, exact.bytes);
    disk += planned * exact.storedBytes;
    if (exact.bytes > memoryLimit) {
      warnings.push(
        `${name}: its ${size} x ${size} matrices take ${formatBytes(exact.bytes)}, and ${formatBytes(memoryLimit)} are free; it will not be measured exactly`,
      );
    }
    return { name, shape, size, times: planned, memory: exact.bytes, disk: exact.storedBytes };
  });
  // Weights, velocities and the sampler's order in every checkpoint.
  disk += keptCheckpoints * (2 * weights * bytes + 4 * (samples ?? 0));
  const trainingMemory =
    samples === null
      ? null
      : processBytes + samples * (network.inputSize + network.outputSize) * bytes + 4 * weights * bytes;
  return {
    parameters,
    weights,
    outputShape: [network.outputSize],
    steps,
    trainingMemory,
    measuringMemory: times.size === 0 ? null : measuringMemory + (trainingMemory ?? processBytes),
    availableMemory: memoryLimit,
    disk,
    warnings,
  };
}

function countWithoutSteps(when: Experiment['measurements'][number]['when']): number {
  switch (when.kind) {
    case 'end':
      return 1;
    case 'epochs':
      return when.epochs.length;
    case 'log_steps':
      return when.count;
    default:
      return 1;
  }
}
