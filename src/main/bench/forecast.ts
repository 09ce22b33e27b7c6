/**
 * Forecasts beside what actually happened: whole jobs in their own processes, like a user's. Rates are measured for the first of them, as in a new store, and
 * kept for the next, except those that a job records about itself, so that no forecast knows its own answer.
 */
import type { JobForecast, KnownRates, Rate } from '../forecast/types.ts';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { tensor, writeSafetensors } from '../../data/formats/safetensors.ts';
import { CpuBackend } from '../../engine/backend/cpu.ts';
import type { Blas } from '../../engine/blas/types.ts';
import { Network } from '../../engine/network/network.ts';
import { initialValues } from '../../engine/training/initialise.ts';
import { parseExperiment } from '../../shared/experiment.ts';
import type { Experiment, MeasurementSpec } from '../../shared/experiment.ts';
import { samplingModes } from '../../shared/minibatch.ts';
import { startJob } from '../jobs/host.ts';
import type { EngineOptions, JobRequest } from '../jobs/protocol.ts';
import { studyModel } from '../study/architectures.ts';
import { benchModel } from './bench.ts';

export interface ForecastBench {
  readonly what: string;
  readonly seconds: { readonly forecast: number; readonly measured: number };
  /** Peak bytes of the job's process. */
  readonly memory: { readonly forecast: number; readonly measured: number };
  readonly disk: { readonly forecast: number; readonly measured: number };
}

interface Case {
  readonly what: string;
  readonly experiment: Experiment;
  /** Of the network as it is initialised, in place of the training. */
  readonly measure: MeasurementSpec | null;
}

function cases(samples: number): Case[] {
  const glyphs = { source: 'glyphs', train: samples, test: 1000 };
  const base = { optimiser: { lr: 0.05 }, batch_size: 50, dataset: glyphs };
  const mlp = { ...base, name: 'MLP', model: benchModel(50), epochs: 20 };
  const { model } = studyModel('cnn', [28, 28, 1], 10, 'cross-entropy');
  const images = { ...base, name: 'CNN', model, dataset: { ...glyphs, train: 1000, test: 500 }, epochs: 10 };
  const measure = (parameter: string, more: Partial<MeasurementSpec>): MeasurementSpec => ({
    parameters: [parameter],
    when: { kind: 'end' },
    method: 'exact',
    which: 'largest',
    seed: 1,
    ...more,
  });
  const everything = {
    duality: true,
    assumptions: true,
    density: true,
    minibatch_noise: { batch_size: 50, modes: [...samplingModes], batches: 1000, directions: 20, seed: 1 },
  };
  return [
    { what: `MLP run, 784-50-50-10, ${samples} samples, 20 epochs`, experiment: parseExperiment(mlp), measure: null },
    {
      what: `exact measurement, 50 x 50, ${samples} samples`,
      experiment: parseExperiment(mlp),
      measure: measure('fc2.kernel', {}),
    },
    {
      what: `the same with duality, assumptions, density, minibatch noise, full convergence`,
      experiment: parseExperiment(mlp),
      measure: measure('fc2.kernel', { ...everything, convergence: 'full' }),
    },
    {
      what: `projected measurement, fc1 of the MLP (d = 39200), top 10, 2000 samples`,
      experiment: parseExperiment(mlp),
      measure: measure('fc1.kernel', { method: 'projected', top: 10, samples: 2000 }),
    },
    { what: 'CNN run, 1000 samples, 10 epochs', experiment: parseExperiment(images), measure: null },
    {
      what: 'projected measurement, conv2 of the CNN, top 20, 500 samples',
      experiment: parseExperiment(images),
      measure: measure('conv2.kernel', { method: 'projected', top: 20, samples: 500 }),
    },
    {
      what: 'the same with assumptions, density, minibatch noise',
      experiment: parseExperiment(images),
      measure: measure('conv2.kernel', { method: 'projected', top: 20, samples: 500, ...everything }),
    },
  ];
}

export async function forecastBench(
  blas: Blas,
  engine: EngineOptions,
  samples: number,
  say: (text: string) => void,
): Promise<ForecastBench[]> {
  const staging = await mkdtemp(path.join(tmpdir(), 'covature-bench-'));
  const known: Record<string, Record<string, Rate>> = {};
  try {
    const rows: ForecastBench[] = [];
    for (const each of cases(samples)) {
      say(each.what);
      rows.push(await runCase(each, await requestOf(each, blas, engine, staging, known), known));
    }
    return rows;
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

async function requestOf(
  { experiment, measure }: Case,
  blas: Blas,
  engine: EngineOptions,
  staging: string,
  known: KnownRates,
): Promise<JobRequest> {
  const forecast = { known, only: false, refuse: false };
  const common = { engine, staging, baseFolder: staging, dataFolder: staging, forecast };
  if (measure === null) return { ...common, kind: 'train', experiment, resume: null, stopAfter: null };
  const network = new Network(experiment.model, new CpuBackend(blas, 'float64'));
  const weights = path.join(staging, 'weights.safetensors');
  const tensors = [...network.parameters, ...network.states].map((parameter) => {
    const values = Float64Array.from(initialValues(parameter, experiment.initialisation, 1));
    return [parameter.name, tensor(values, parameter.shape)] as const;
  });
  await writeSafetensors(weights, Object.fromEntries(tensors), {});
  const { model, dataset } = experiment;
  return { ...common, kind: 'measure', model, weights, dataset, measurement: measure };
}

async function runCase({ what }: Case, request: JobRequest, known: Record<string, Record<string, Rate>>) {
  let forecast: JobForecast | null = null;
  let begun = 0;
  let stored = 0;
  let peak = 0;
  const checkpoints: number[] = [];
  const job = startJob(request, (event) => {
    switch (event.kind) {
      case 'forecast':
        forecast = event.forecast;
        begun = performance.now();
        return;
      case 'rates':
        // Before it began: what it was forecast from.
        if (begun === 0) known[event.machine] = { ...known[event.machine], ...event.rates };
        return;
      case 'checkpoint':
        checkpoints.push(event.file.bytes);
        return;
      case 'measurement':
        stored += event.file.bytes;
        return;
      case 'ended':
        peak = event.results['peak_memory'] ?? 0;
        return;
      default:
    }
  });
  const end = await job.done;
  const seconds = (performance.now() - begun) / 1000;
  if (end.kind !== 'ended' || forecast === null) {
    throw new Error(
      `${what}: ${end.kind === 'failed' ? end.event.message : end.kind === 'lost' ? end.message : 'no forecast'}`,
    );
  }
  const told = forecast as JobForecast;
  return {
    what,
    seconds: { forecast: told.seconds.total, measured: seconds },
    memory: { forecast: Math.max(told.memory.training, told.memory.measuring ?? 0), measured: peak },
    disk: { forecast: told.disk, measured: stored + checkpoints.slice(-2).reduce((sum, bytes) => sum + bytes, 0) },
  };
}
