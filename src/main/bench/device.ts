/**
 * What `covature bench --backend DEVICE` measures: the device beside the cpu in the same run (training steps, the packed sums of the exact method,
 * Hessian-vector products and samples' values of a CNN), the share of matrix products in it, PyTorch at the same products if it is installed, and the
 * precision reached against the cpu in float64.
 */
import type { MeasurementInput } from '../../engine/curvature/measurement-input.ts';
import { CpuBackend } from '../../engine/backend/cpu.ts';
import type { OpenDevice } from '../../engine/backend/tfjs/device.ts';
import type { Backend } from '../../engine/backend/types.ts';
import type { Real } from '../../engine/blas/types.ts';
import { deviceMomentSums, readProduct } from '../../engine/curvature/device/moments.ts';
import { measurePrecision } from '../../engine/curvature/device/precision.ts';
import { DeviceSession } from '../../engine/curvature/device/session.ts';
import { openProblemTask, factorLayout } from '../../engine/curvature/factors.ts';
import type { FactorLayout } from '../../engine/curvature/factors.ts';
import { momentSums } from '../../engine/curvature/moments.ts';
import { meansOf, projectSamples } from '../../engine/curvature/projected/projections.ts';
import type { SampleProjections } from '../../engine/curvature/projected/projections.ts';
import { openSession } from '../../engine/curvature/projected/session.ts';
import { wholeNetwork } from '../../engine/curvature/projected/space.ts';
import { Network } from '../../engine/network/network.ts';
import type { Pool } from '../../engine/parallel/pool.ts';
import type { TrainingData } from '../../engine/training/trainer.ts';
import { formatBytes } from '../../engine/curvature/forecast.ts';
import type { ModelSpec } from '../../shared/model.ts';
import { Random } from '../../shared/random.ts';
import { secondsPerStep } from '../jobs/calibration.ts';
import { benchModel } from './bench.ts';
import { benchTrainer, firstWeights } from './input.ts';
import { torchProducts } from './torch.ts';
import { trainingJobs } from './training.ts';

export interface DeviceRow {
  readonly what: string;
  readonly unit: string;
  readonly device: number;
  /** The same on the cpu; null if it has no counterpart. */
  readonly cpu: number | null;
  readonly note: string;
}

export interface DeviceBenchOptions {
  readonly samples: number;
  /** Units of the layers measured. */
  readonly widths: readonly number[];
  /** Milliseconds that each rate of training is measured for; default 3,000. */
  readonly milliseconds?: number;
}

const batch = 50;

/** All rows, each passed to `onRow` as soon as it is known, so that a slow device shows its progress. */
export async function deviceBench(
  device: OpenDevice,
  pool: Pool,
  data: TrainingData,
  options: DeviceBenchOptions,
  onRow: (row: DeviceRow) => void,
): Promise<void> {
  for (const { what, model } of trainingJobs()) {
    const milliseconds = options.milliseconds ?? 3000;
    const onDevice = await stepsPerSecond(device.backend(), model, data, milliseconds);
    const onCpu = await stepsPerSecond(new CpuBackend(pool.blas, 'float32'), model, data, milliseconds);
    onRow({
      what: `${what}, batch ${batch}`,
      unit: 'steps/s',
      device: onDevice,
      cpu: onCpu,
      note: 'float32; cpu: one thread',
    });
  }
  for (const width of options.widths) await benchMoments(device, pool, data, width, options.samples, onRow);
  await benchProducts(device, pool, data, options.samples, onRow);
}

async function stepsPerSecond(
  backend: Backend,
  model: ModelSpec,
  data: TrainingData,
  milliseconds: number,
): Promise<number> {
  const trainer = benchTrainer(new Network(model, backend), data, { lr: 0.01, totalSteps: 1e9 });
  const seconds = await secondsPerStep(trainer, milliseconds);
  await trainer.close();
  return 1 / seconds;
}

/** The packed sums of the middle layer of 784-n-n-10, with the share of its products and the precision reached. */
async function benchMoments(
  device: OpenDevice,
  pool: Pool,
  data: TrainingData,
  width: number,
  samples: number,
  onRow: (row: DeviceRow) => void,
): Promise<void> {
  const model = benchModel(width);
  const network = new Network(model, new CpuBackend(pool.blas, 'float64'));
  const layout = factorLayout(network, 'fc2.kernel');
  if (typeof layout === 'string') throw new Error(layout);
  const input = measured(model, network, data);
  await pool.runEverywhere(openProblemTask, input);
  const session = new DeviceSession(device, input);
  const timed = async (
    body: (count: number) => Promise<{ sums: { A: Real; B: Real } }>,
    count: number,
  ): Promise<number> => {
    const begun = performance.now();
    const { sums } = await body(count);
    const seconds = (performance.now() - begun) / 1000;
    pool.blas.release(sums.A);
    pool.blas.release(sums.B);
    return seconds;
  };
  const optionsFor = (count: number) => ({ samples: count, seed: 1, seconds: { factors: 0, products: 0 } });
  const onDevice = (count: number) => deviceMomentSums(session, pool, input.targets, layout, optionsFor(count));
  const onCpu = (count: number) => momentSums(pool, layout, optionsFor(count));
  await timed(onDevice, Math.min(samples, 256));
  await timed(onCpu, Math.min(samples, 256));
  const deviceSeconds = await timed(onDevice, samples);
  const cpuSeconds = await timed(onCpu, samples);
  const title = `${width} x ${width} (d = ${width * width}), ${samples} samples: C, H, Q as packed sums`;
  const chunk = `chunks of ${session.chunk}`;
  onRow({
    what: title,
    unit: 's',
    device: deviceSeconds,
    cpu: cpuSeconds,
    note: `cpu: float64, ${pool.threads} threads; device: ${chunk}`,
  });
  const products = await productSeconds(session, layout, samples);
  const flops = 2 * samples * layout.leftWidth * layout.blocks * layout.blockWidth;
  onRow({
    what: '  its products alone',
    unit: 's',
    device: products,
    cpu: null,
    note: `${(100 * Math.min(1, products / deviceSeconds)).toFixed(0)} % of it`,
  });
  onRow({
    what: '  rate of its products',
    unit: 'GFLOP/s',
    device: flops / products / 1e9,
    cpu: null,
    note: 'float32, results read back',
  });
  const torch = await torchProducts({ inner: width, outer: width, samples, chunk: session.chunk });
  onRow(
    typeof torch === 'string'
      ? { what: '  PyTorch at the same products', unit: 's', device: NaN, cpu: null, note: `not run: ${torch}` }
      : {
          what: `  PyTorch ${torch.torch} at the same products`,
          unit: 's',
          device: torch.seconds,
          cpu: null,
          note: `on ${torch.device}, ${torch.gigaflops.toFixed(0)} GFLOP/s, precision ${torch.precision.toExponential(1)}`,
        },
  );
  const reached = await measurePrecision(session, pool, input.targets, layout, {
    samples,
    seed: 1,
    largest: 0,
    directions: null,
    eigenvalues: new Float64Array(),
  });
  for (const name of ['H', 'C', 'Q'] as const) {
    onRow({
      what: `  precision of ${name}, of the largest entry`,
      unit: '',
      device: reached.sums?.[name] ?? NaN,
      cpu: null,
      note: `against float64 on ${reached.samples} samples`,
    });
  }
  for (const note of session.fallbacks)
    onRow({ what: '  fell back', unit: '', device: session.chunk, cpu: null, note });
  session.close();
}

/** Seconds of the products of the packed sums alone, chunk by chunk, including reading the results. */
async function productSeconds(session: DeviceSession, layout: FactorLayout, samples: number): Promise<number> {
  const { problem } = session;
  const { backend } = problem;
  const count = Math.min(session.chunk, samples);
  const random = new Random(3, 'bench');
  const filled = (cols: number): Float32Array =>
    Float32Array.from({ length: count * cols }, () => random.between(-1, 1));
  const rightWidth = layout.blocks * layout.blockWidth;
  const [left, right] = backend.scope(() => [
    backend.keep(backend.from(filled(layout.leftWidth), count, layout.leftWidth)),
    backend.keep(backend.from(filled(rightWidth), count, rightWidth)),
  ]);
  const once = (): Promise<Real> => backend.scope(() => readProduct(problem, left, right));
  await once();
  const begun = performance.now();
  await once();
  const seconds = ((performance.now() - begun) / 1000) * (samples / count);
  for (const tensor of [left, right]) backend.release(tensor);
  return seconds;
}

/** H v of all weights of the small CNN. */
async function benchProducts(
  device: OpenDevice,
  pool: Pool,
  data: TrainingData,
  samples: number,
  onRow: (row: DeviceRow) => void,
): Promise<void> {
  const job = trainingJobs()[1];
  const network = new Network(job.model, new CpuBackend(pool.blas, 'float64'));
  const input = measured(job.model, network, data);
  const session = new DeviceSession(device, input);
  const opened = await openSession(pool, input, {
    parameter: wholeNetwork,
    samples,
    seed: 1,
    device: session,
    cacheBytes: 0,
  });
  const { d } = opened.space;
  const [v, found, exact] = [0, 1, 2].map(() => pool.allocate('float64', d));
  const random = new Random(4, 'bench');
  for (let i = 0; i < d; i++) v[i] = random.normal();
  const seconds = async (body: () => Promise<void>): Promise<number> => {
    const begun = performance.now();
    await body();
    return (performance.now() - begun) / 1000;
  };
  const first = await seconds(() => opened.operator.apply(v, found));
  const deviceSeconds = Math.min(first, await seconds(() => opened.operator.apply(v, found)));
  const cpuSeconds = await seconds(() => opened.operator.applyExactly(v, exact));
  let [difference, norm] = [0, 0];
  for (let i = 0; i < d; i++) {
    difference += (found[i] - exact[i]) ** 2;
    norm += exact[i] ** 2;
  }
  onRow({
    what: `small CNN (${d} weights), ${samples} samples: a Hessian-vector product`,
    unit: 's',
    device: deviceSeconds,
    cpu: cpuSeconds,
    note: `cpu: float64, ${pool.threads} threads; data of ${formatBytes(4 * input.inputs.length)}`,
  });
  onRow({
    what: '  its precision, ||Hv - Hv64|| / ||Hv64||',
    unit: '',
    device: Math.sqrt(difference / norm),
    cpu: null,
    note: 'all samples',
  });
  const task = { vectors: v, gradient: new Float64Array(d), halves: ['A', 'B'], covariance: false } as const;
  let projections: SampleProjections | null = null;
  let other: SampleProjections | null = null;
  const projecting = await seconds(async () => void (projections = await opened.project(task)));
  const projectingOnCpu = await seconds(async () => void (other = await projectSamples(pool, opened.plan, task)));
  onRow({
    what: "  the samples' values g_p . v, v . h_p v and |h_p v|^2",
    unit: 's',
    device: projecting,
    cpu: projectingOnCpu,
    note: 'along one direction',
  });
  if (projections !== null && other !== null) {
    const [x, y] = [projections, other].map((each: SampleProjections) => meansOf(each, opened.plan, each.blocks));
    for (const key of ['H', 'C', 'Q'] as const)
      onRow({
        what: `  their precision, ${key}`,
        unit: '',
        device: Math.abs(x[key][0] / y[key][0] - 1),
        cpu: null,
        note: 'of the mean over all samples, relative',
      });
  }
  for (const array of [v, found, exact]) pool.blas.release(array);
  await opened.close();
  session.close();
}

function measured(model: ModelSpec, network: Network, { inputs, targets }: TrainingData): MeasurementInput {
  return { model, weights: firstWeights(network), inputs, targets, classes: true };
}
