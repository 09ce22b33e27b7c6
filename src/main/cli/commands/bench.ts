/** covature bench */
import * as v from 'valibot';
import { integer } from '../../../shared/validation.ts';
import { formatBytes } from '../../../engine/curvature/forecast.ts';
import { openDevice } from '../../../engine/backend/tfjs/load.ts';
import { Pool } from '../../../engine/parallel/pool.ts';
import type { DeviceName } from '../../../shared/devices.ts';
import { InputError } from '../../../shared/errors.ts';
import { eighSeconds, gemmRate, pooledGemmRate } from '../../bench/bench.ts';
import type { BenchRow } from '../../bench/bench.ts';
import { deviceBench } from '../../bench/device.ts';
import type { DeviceRow } from '../../bench/device.ts';
import { forecastBench } from '../../bench/forecast.ts';
import type { ForecastBench } from '../../bench/forecast.ts';
import { measurementBench } from '../../bench/exact.ts';
import { benchData, trainedInput } from '../../bench/input.ts';
import { peersBench } from '../../bench/peers.ts';
import type { PeersReport } from '../../bench/peers.ts';
import { eigenpairsBench, layerBench } from '../../bench/projected.ts';
import type { PassCosts } from '../../bench/projected.ts';
import { singlePrecisionBench } from '../../bench/single.ts';
import { trainingJobs, benchTrainingRate } from '../../bench/training.ts';
import { libraryThreadsOf, openEngine } from '../../jobs/engine.ts';
import type { OpenedEngine } from '../../jobs/engine.ts';
import { engineFlags, engineOf, jsonFlag, printJson } from '../command.ts';
import type { Command } from '../command.ts';
import { flagsHelp, parse, toggle } from '../flags.ts';
import type { Flags, FlagValues } from '../flags.ts';
import { UsageError } from '../usage-error.ts';
import { formatDuration, formatNumber, formatTable } from '../format.ts';

const parts = ['products', 'sgd', 'exact', 'float32', 'network', 'projected'] as const;
type Part = (typeof parts)[number];

const flags = {
  samples: {
    schema: integer(100),
    value: 'N',
    help: 'samples of "exact" and "network"',
    otherwise: '8000; with a device 60000',
  },
  width: {
    schema: integer(2),
    value: 'N',
    help: 'units of the layer that "exact" measures, d = N^2',
    otherwise: '50; with a device 50 and 100',
  },
  memory: {
    schema: integer(1),
    value: 'GB',
    help: 'memory that "exact" may use; a measurement that needs more is refused before it starts',
    otherwise: 'what the machine has available',
  },
  path: { schema: v.string(), value: 'DIR', help: "MNIST's training images in this folder instead of drawn digits" },
  peers: { schema: toggle, help: 'instead: beside PyTorch and others' },
  limit: {
    schema: integer(1),
    value: 'SECONDS',
    help: 'limit for each row of a peer; a row that takes longer says so',
    otherwise: '600',
    requires: ['peers'],
  },
  forecasts: {
    schema: toggle,
    help: 'instead: forecasts of whole runs and measurements beside what actually happened',
  },
  ...engineFlags,
  json: jsonFlag,
} as const satisfies Flags;

const help = `Usage: covature bench [part...] [options]

Measures this machine, each job beside what bounds it, taken in the same run. Ratios carry over to other machines; seconds do not.
Leave the machine otherwise idle. Without a part, all of them:

  products     matrix products and eigendecompositions
  sgd          training steps a second
  exact        C, H, Q, spectrum, cross-fitting and intervals of the middle layer of 784-N-N-10, with the peak of memory
  float32      the packed sums of that layer on the cpu in float32 (measure --precision float32) beside float64
  network      the ten leading eigenpairs of all parameters of 784-50-50-10 over --samples samples
  projected    the 50 leading directions of a layer of 200 x 200 weights over 10,000 samples

With --backend cuda, webgpu or tfjs-node: that device beside the cpu instead (training, packed sums of a 50 x 50 and a 100 x 100
layer, Hessian-vector products and samples' values of a CNN), the share of matrix products, PyTorch at the same products where
python3 has torch, and the precision reached against float64.

With --peers: Covature beside PyTorch (eager, torch.compile, torch.func), NumPy and, if they are installed, SciPy, PyHessian and
curvlinops, at the same work with the same threads, in one run (sgd, exact, network and projected; python3 with torch): one table with ratios.

${flagsHelp(flags)}`;

const projectedSamples = 10_000;

interface Task {
  readonly engine: OpenedEngine;
  readonly samples: number;
  readonly width: number;
  readonly memoryLimit: number;
  readonly folder: string | undefined;
  readonly row: (what: string, value: number, unit: string, limit?: number | null, limitNote?: string) => void;
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

export const bench: Command = {
  help,
  flags,
  run: async (argv) => {
    const { values, positionals } = parse(argv, flags, [0, parts.length]);
    const { backend = 'auto' } = values;
    if (backend !== 'auto' && backend !== 'cpu') return await benchDevice(backend, values);
    const benched = new Set(positionals.length === 0 ? parts : positionals.map(partOf));
    const engine = await openEngine(engineOf(values));
    const { report } = engine;
    const gigabytes = values.memory;
    if (values.forecasts) {
      const { samples = 8000 } = values;
      const forecasts = await forecastBench(engine.blas, engineOf(values), samples, say);
      if (values.json) printJson({ engine: report, samples, rows: forecasts });
      else
        process.stdout.write(
          `${report.blas}, ${report.threads} threads, ${report.processor}\n\n${forecastTable(forecasts)}\n`,
        );
      return 0;
    }
    if (values.peers) {
      const { samples } = values;
      if (samples !== undefined && samples < 1000)
        throw new UsageError(`--samples: expected an integer of at least 1000 with --peers, received "${samples}"`);
      const pool = new Pool(engine.blas, { threads: report.threads });
      try {
        const sizes = samples === undefined ? [8000, 60_000] : [samples];
        const task = {
          engine,
          pool,
          folder: values.path,
          samples: sizes,
          parts: benched,
          limit: values.limit ?? 600,
          say,
        };
        const peers = await peersBench(task);
        if (values.json) printJson({ engine: report, ...peers });
        else process.stdout.write(`${peersText(peers, report.blas, report.processor)}\n`);
      } finally {
        await pool.close();
      }
      return 0;
    }
    const rows: BenchRow[] = [];
    const task: Task = {
      engine,
      samples: values.samples ?? 8000,
      width: values.width ?? 50,
      memoryLimit: gigabytes === undefined ? engine.memoryLimit : Math.min(engine.memoryLimit, 1e9 * gigabytes),
      folder: values.path,
      row: (what, value, unit, limit = null, limitNote = '') => {
        rows.push({ what, value, unit, limit, limitNote });
      },
    };
    if (benched.has('sgd')) await benchTraining(task);
    const pool = new Pool(engine.blas, { threads: report.threads });
    try {
      if (benched.has('products')) await benchProducts(task, pool);
      if (benched.has('exact')) await benchExact(task, pool);
      if (benched.has('float32')) await benchSingle(task, pool);
      if (benched.has('network')) await benchNetwork(task, pool);
      if (benched.has('projected')) await benchLayer(task, pool);
    } finally {
      await pool.close();
    }
    if (values.json) {
      printJson({ engine: report, samples: task.samples, width: task.width, rows });
      return 0;
    }
    process.stdout.write(`${report.blas}, ${report.threads} threads, ${report.processor}\n\n`);
    const cells = rows.map(({ what, value, unit, limit, limitNote }) => [
      what,
      formatNumber(value, 3),
      unit,
      limit === null ? '' : formatNumber(limit, 3),
      limit === null ? '' : (unit.endsWith('/s') ? limit / value : value / limit).toFixed(2),
      limitNote,
    ]);
    process.stdout.write(`${formatTable(['what', 'measured', 'unit', 'limit', 'times', ''], cells)}\n`);
    return 0;
  },
};

function partOf(name: string): Part {
  const named = parts.find((part) => part === name);
  if (named === undefined) throw new UsageError(`expected a part (${parts.join(', ')}), received "${name}"`);
  return named;
}

async function benchTraining({ engine, folder, row }: Task): Promise<void> {
  say('SGD');
  const data = await benchData(8000, folder);
  const { threads: most } = engine.report;
  for (const job of trainingJobs()) {
    const several = job.isShared ? `${most} threads` : 'batches prepared beside';
    for (const threads of most > 1 ? [1, most] : [1]) {
      const { steps, bare } = await benchTrainingRate(engine.trainingBlas(), job, data, threads);
      const what = `${job.what}, batch 50, float32, ${threads === 1 ? 'one thread' : several}`;
      const sharing = job.isShared ? threads : 1;
      const note = sharing === 1 ? 'its matrix products alone' : 'its matrix products alone, times the threads';
      row(what, steps, 'steps/s', bare * sharing, note);
    }
  }
}

async function benchProducts({ engine, row }: Task, pool: Pool): Promise<void> {
  const { blas, report } = engine;
  say('matrix products and eigendecompositions');
  row('float64 product, one thread', gemmRate(blas, 'float64') / 1e9, 'GFLOP/s');
  row('float32 product, one thread', gemmRate(blas, 'float32') / 1e9, 'GFLOP/s');
  row(`float64 product, ${report.threads} threads`, (await pooledGemmRate(pool)) / 1e9, 'GFLOP/s');
  for (const n of [1000, 2500]) row(`eigendecomposition, ${n} x ${n}`, await eighSeconds(pool, n, report.cores), 's');
}

async function benchExact({ engine, samples, width, memoryLimit, folder, row }: Task, pool: Pool): Promise<void> {
  const input = trainedInput(engine.trainingBlas(), width, await benchData(samples, folder));
  say(`exact measurement of ${width} x ${width}, ${samples} samples`);
  const libraryThreads = libraryThreadsOf(engine.report);
  const measured = await measurementBench(pool, width, input, { samples, libraryThreads, memoryLimit });
  const { seconds } = measured;
  const total = seconds['total'] ?? NaN;
  const what = `${width} x ${width}, ${samples} samples`;
  row(
    `C, H, Q, spectrum, C_ii, Q_ii, commutator: ${what}`,
    measured.core,
    's',
    measured.coreLimit,
    'packed products + 2 d x d products at the dgemm rate + 1 eigendecomposition of the same H',
  );
  row(
    'cross-fitting',
    measured.crossFitting,
    's',
    measured.crossFittingLimit,
    '2 eigendecompositions side by side + 6 d x d products',
  );
  row('95 % intervals and fits', measured.intervals, 's', total - measured.intervals, 'the measurement without them');
  row('the whole measurement', total, 's');
  stageRows(row, seconds);
  row(`peak memory: ${what}`, measured.peakBytes / 1e6, 'MB');
}

async function benchSingle({ engine, samples, width, folder, row }: Task, pool: Pool): Promise<void> {
  say('packed sums in float32 and float64');
  const input = trainedInput(engine.trainingBlas(), width, await benchData(samples, folder));
  const { single, double } = await singlePrecisionBench(engine.trainingBlas(), pool, input, samples);
  const what = `packed sums of C, H and Q in float32: ${width} x ${width}, ${samples} samples`;
  row(what, single, 's', double, `float64, ${pool.threads} threads`);
}

async function benchNetwork({ engine, samples, folder, row }: Task, pool: Pool): Promise<void> {
  const input = trainedInput(engine.trainingBlas(), 50, await benchData(samples, folder));
  say('leading eigenpairs of the whole network');
  const eigenpairs = await eigenpairsBench(pool, input, { samples, count: 10, tolerance: 1e-3 });
  const { costs } = eigenpairs;
  row(
    `10 leading eigenpairs of all ${eigenpairs.d} parameters, ${samples} samples`,
    eigenpairs.seconds,
    's',
    eigenpairs.products * costs.product,
    `${eigenpairs.products} Hessian-vector products at their own rate`,
  );
  row('  largest residual over the eigenvalue', eigenpairs.residual, '', 1e-3, 'asked for');
  row('  eigenvalues: largest relative error', eigenpairs.eigenvalueError, '', null, 'residual^2 / gap');
  row('  largest eigenvalue', eigenpairs.eigenvalues[0], '');
  passRows(row, costs);
}

async function benchLayer({ engine, folder, row }: Task, pool: Pool): Promise<void> {
  const input = trainedInput(engine.trainingBlas(), 200, await benchData(projectedSamples, folder));
  say('projected measurement of 200 x 200');
  const layer = await layerBench(pool, input, { parameter: 'fc2.kernel', samples: projectedSamples, top: 50 });
  const total = layer.seconds['total'] ?? NaN;
  const what = `${layer.k} directions of ${layer.d} weights, ${projectedSamples} samples`;
  row(
    `projected: ${what}${layer.converged ? '' : ' (not converged)'}`,
    total,
    's',
    layer.passes * layer.costs.product,
    `${formatNumber(layer.passes, 4)} Hessian-vector products over all samples`,
  );
  row('  the same in full-batch gradients', total / layer.costs.gradient, '');
  stageRows(row, layer.seconds);
  passRows(row, layer.costs);
  row(`peak memory: ${what}`, layer.peakBytes / 1e6, 'MB');
}

function passRows(row: Task['row'], { gradient, product, productUncached }: PassCosts): void {
  row('  one full-batch gradient', 1e3 * gradient, 'ms');
  row('  one Hessian-vector product', 1e3 * product, 'ms', 3e3 * gradient, '3 gradients');
  row("  the same with the samples' passes repeated", 1e3 * productUncached, 'ms', 3e3 * gradient, '3 gradients');
}

function stageRows(row: Task['row'], seconds: Readonly<Record<string, number>>): void {
  for (const [stage, time] of Object.entries(seconds))
    if (stage !== 'total') row(`  ${stage.replaceAll('_', ' ')}`, time, 's');
}

function peersText({ versions, rows }: PeersReport, blas: string, processor: string): string {
  const others = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const cells = rows.map(({ what, unit, own, peer, value, ratio, note }, i) => [
    rows.at(i - 1)?.what === what && i > 0 ? '' : what,
    formatNumber(own, 3),
    unit,
    peer,
    value === null ? 'none' : formatNumber(value, 3),
    ratio === null ? '' : ratio.toFixed(2),
    note,
  ]);
  const table = formatTable(['what', 'Covature', 'unit', 'peer', 'the same', 'times as fast', ''], cells);
  const { OPENBLAS_CORETYPE: chosen } = process.env;
  const kernels = chosen === undefined ? '' : ` (its kernels chosen by OPENBLAS_CORETYPE=${chosen})`;
  return `${blas}${kernels}; ${others.join(', ')}; ${processor}\n\n${table}`;
}

function forecastTable(rows: readonly ForecastBench[]): string {
  const pair = ({ forecast, measured }: ForecastBench['seconds'], text: (value: number) => string): string[] => [
    text(forecast),
    text(measured),
    measured > 0 ? (measured / forecast).toFixed(2) : '-',
  ];
  const heads = ['what', 'time', 'took', 'ratio', 'memory', 'peak', 'ratio', 'disk', 'stored', 'ratio'];
  const cells = rows.map(({ what, seconds, memory, disk }) => [
    what,
    ...pair(seconds, formatDuration),
    ...pair(memory, formatBytes),
    ...pair(disk, formatBytes),
  ]);
  return formatTable(heads, cells);
}

/** A device beside the cpu. */
async function benchDevice(name: DeviceName, values: FlagValues<typeof flags>): Promise<number> {
  const { samples = 60_000, width } = values;
  const outcome = await openDevice(name);
  if (!outcome.available)
    throw new InputError(`${outcome.title} is not available: ${outcome.reason}. To have it: ${outcome.remedy}`);
  const { device } = outcome;
  const { blas, report } = await openEngine(engineOf(values));
  const json = values.json;
  const head = `${device.title} beside ${report.blas}, ${report.threads} threads, ${report.processor}`;
  if (!json) process.stdout.write(`${head}\n\n`);
  if (device.isSoftware) process.stderr.write('no graphics card: this device is computed by the processor\n');
  const data = await benchData(samples, values.path);
  const pool = new Pool(blas, { threads: report.threads });
  const rows: DeviceRow[] = [];
  try {
    await deviceBench(device, pool, data, { samples, widths: width === undefined ? [50, 100] : [width] }, (row) => {
      rows.push(row);
      const cpu = row.cpu === null ? '' : `; cpu ${formatNumber(row.cpu, 3)} ${row.unit}`;
      const value = Number.isNaN(row.device) ? '' : `: ${formatNumber(row.device, 3)} ${row.unit}${cpu}`;
      if (!json) process.stdout.write(`${row.what}${value} (${row.note})\n`);
    });
  } finally {
    await pool.close();
    device.close();
  }
  if (json) printJson({ device: device.title, isSoftware: device.isSoftware, engine: report, samples, rows });
  return 0;
}
