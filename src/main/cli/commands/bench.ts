/** covature bench */
import { resolveDataset } from '../../../data/resolve.ts';
import { parseDataset } from '../../../shared/dataset.ts';
import { formatBytes } from '../../../engine/curvature/forecast.ts';
import { openDevice } from '../../../engine/backend/tfjs/load.ts';
import { Pool } from '../../../engine/parallel/pool.ts';
import { backendChoices } from '../../../shared/devices.ts';
import type { DeviceName } from '../../../shared/devices.ts';
import { InputError } from '../../../shared/errors.ts';
import type { TrainingData } from '../../../engine/training/trainer.ts';
import { eighSeconds, gemmRate, measurementBench, pooledGemmRate } from '../../bench/bench.ts';
import type { BenchRow } from '../../bench/bench.ts';
import { deviceBench } from '../../bench/device.ts';
import type { DeviceRow } from '../../bench/device.ts';
import { forecastBench } from '../../bench/forecast.ts';
import type { ForecastBench } from '../../bench/forecast.ts';
import { trainingJobs, trainingRate } from '../../bench/training.ts';
import { openEngine } from '../../jobs/engine.ts';
import { choice, engineFlags, engineHelp, engineOf, integerOption, parse, printJson } from '../command.ts';
import type { Command } from '../command.ts';
import { formatDuration, formatNumber, formatTable } from '../format.ts';

const help = `Usage: covature bench [options]

Measures this machine: matrix products, eigendecompositions, SGD and an exact measurement, each beside what bounds it, taken
in the same run. Ratios carry over to other machines; seconds do not. Leave the machine otherwise idle.

With --backend cuda, webgpu or tfjs-node: that device beside the cpu instead (training, packed sums of a 50 x 50 and a 100 x 100
layer, Hessian-vector products of a CNN), the share of matrix products, and the precision reached against float64.

  --samples N      samples of the measurements (default 8000; with a device 60000)
  --width N        units of the layer measured, d = N^2 (default 50; with a device 50 and 100)
  --forecasts      instead: forecasts of whole runs and measurements beside what then happened
${engineHelp}
  --json           one JSON document on standard output`;

const options = {
  ...engineFlags,
  json: { type: 'boolean' },
  samples: { type: 'string' },
  width: { type: 'string' },
  forecasts: { type: 'boolean' },
} as const;

export const bench: Command = {
  help,
  run: async (argv) => {
    const { values } = parse(argv, options, [0, 0]);
    const chosen = choice(values.backend, 'backend', backendChoices) ?? 'auto';
    if (chosen !== 'auto' && chosen !== 'cpu') return await benchDevice(chosen, values);
    const samples = integerOption(values.samples, 'samples', 100) ?? 8000;
    const width = integerOption(values.width, 'width', 2) ?? 50;
    const { blas, trainingBlas, report } = await openEngine(engineOf(values));
    const say = (text: string): void => {
      process.stderr.write(`${text}\n`);
    };
    if (values.forecasts === true) {
      const rows = await forecastBench(blas, engineOf(values), samples, say);
      if (values.json === true) printJson({ engine: report, samples, rows });
      else
        process.stdout.write(
          `${report.blas}, ${report.threads} threads, ${report.processor}\n\n${forecastTable(rows)}\n`,
        );
      return 0;
    }
    const rows: BenchRow[] = [];
    const row = (what: string, value: number, unit: string, limit: number | null = null, limitNote = ''): void => {
      rows.push({ what, value, unit, limit, limitNote });
    };
    say('drawing data');
    const data = await benchData(samples);
    say('matrix products');
    row('float64 product, one thread', gemmRate(blas, 'float64') / 1e9, 'GFLOP/s');
    row('float32 product, one thread', gemmRate(blas, 'float32') / 1e9, 'GFLOP/s');
    say('SGD');
    for (const job of trainingJobs()) {
      for (const threads of job.isShared && report.threads > 1 ? [1, report.threads] : [1]) {
        const { steps, bare } = await trainingRate(trainingBlas(), job, data, threads);
        const what = `${job.what}, batch 50, float32, ${threads === 1 ? 'one thread' : `${threads} threads`}`;
        const note = threads === 1 ? 'its matrix products alone' : 'its matrix products alone, times the threads';
        row(what, steps, 'steps/s', bare * threads, note);
      }
    }
    const pool = new Pool(blas, { threads: report.threads });
    try {
      row(`float64 product, ${report.threads} threads`, (await pooledGemmRate(pool)) / 1e9, 'GFLOP/s');
      say('eigendecompositions');
      for (const n of [500, 1000])
        row(`eigendecomposition, ${n} x ${n}`, await eighSeconds(pool, n, report.cores), 's');
      say(`exact measurement of ${width} x ${width}, ${samples} samples`);
      const measured = await measurementBench(pool, width, data, samples);
      const extra =
        (measured.seconds['cross_fitting_eigendecompositions'] ?? 0) +
        (measured.seconds['cross_fitting_products'] ?? 0);
      const total = measured.seconds['total'] ?? NaN;
      row(
        'exact measurement without cross-fitting',
        total - extra,
        's',
        measured.limit,
        'packed products + 2 d^3-products at the dgemm rate + 1 dsyevd',
      );
      for (const [stage, seconds] of Object.entries(measured.seconds))
        row(`  ${stage.replaceAll('_', ' ')}`, seconds, 's');
    } finally {
      await pool.close();
    }
    row('peak memory of the process', process.resourceUsage().maxRSS / 1e3, 'MB');
    if (values.json === true) {
      printJson({ engine: report, samples, width, rows });
      return 0;
    }
    process.stdout.write(`${report.blas}, ${report.threads} threads, ${report.processor}\n\n`);
    const cells = rows.map(({ what, value, unit, limit, limitNote }) => [
      what,
      formatNumber(value, 3),
      unit,
      limit === null ? '' : formatNumber(limit, 3),
      limit === null ? '' : (unit === 's' ? value / limit : limit / value).toFixed(2),
      limitNote,
    ]);
    process.stdout.write(`${formatTable(['what', 'measured', 'unit', 'limit', 'times', ''], cells)}\n`);
    return 0;
  },
};

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
async function benchDevice(
  name: DeviceName,
  values: Parameters<typeof engineOf>[0] & { samples?: string | undefined; width?: string | undefined; json?: boolean },
): Promise<number> {
  const samples = integerOption(values.samples, 'samples', 100) ?? 60_000;
  const width = integerOption(values.width, 'width', 2);
  const outcome = await openDevice(name);
  if (!outcome.available)
    throw new InputError(`${outcome.title} is not available: ${outcome.reason}. ${outcome.remedy}`);
  const { device } = outcome;
  const { blas, report } = await openEngine(engineOf(values));
  const json = values.json === true;
  const head = `${device.title} beside ${report.blas}, ${report.threads} threads, ${report.processor}`;
  if (!json) process.stdout.write(`${head}\n\n`);
  if (device.isSoftware) process.stderr.write('no graphics card: this device is computed by the processor\n');
  const data = await benchData(samples);
  const pool = new Pool(blas, { threads: report.threads });
  const rows: DeviceRow[] = [];
  try {
    await deviceBench(device, pool, data, { samples, widths: width === undefined ? [50, 100] : [width] }, (row) => {
      rows.push(row);
      const cpu = row.cpu === null ? '' : `; cpu ${formatNumber(row.cpu, 3)} ${row.unit}`;
      if (!json) process.stdout.write(`${row.what}: ${formatNumber(row.device, 3)} ${row.unit}${cpu} (${row.note})\n`);
    });
  } finally {
    await pool.close();
    device.close();
  }
  if (json) printJson({ device: device.title, isSoftware: device.isSoftware, engine: report, samples, rows });
  return 0;
}

/** Drawn digits in shared memory, as many as asked for. */
async function benchData(samples: number): Promise<TrainingData> {
  const dataset = await resolveDataset(parseDataset({ source: 'glyphs', train: Math.max(2000, samples), test: 0 }));
  const { train } = dataset;
  const inputs = new Float32Array(new SharedArrayBuffer(4 * train.inputs.length));
  inputs.set(train.inputs);
  const targets = new Float32Array(new SharedArrayBuffer(4 * train.count * dataset.outputs));
  for (let p = 0; p < train.count; p++) targets[p * dataset.outputs + train.targets.values[p]] = 1;
  return { inputs, targets };
}
