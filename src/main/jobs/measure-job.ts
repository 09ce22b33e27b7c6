/** Measuring a model with given weights and data, in its own process. */
import { readWeights } from '../../data/weights.ts';
import { CpuBackend } from '../../engine/backend/cpu.ts';
import { Network } from '../../engine/network/network.ts';
import { wantedTensors } from '../../engine/network/wanted.ts';
import { Pool } from '../../engine/parallel/pool.ts';
import { shared } from '../../engine/parallel/shared.ts';
import { agreementText } from '../../shared/model-file.ts';
import { checkModelFile } from '../services/model-check.ts';
import { forecastMeasuring } from '../forecast/job.ts';
import { measuringDevice } from './calibration.ts';
import { prepareData } from './data.ts';
import { machineKey, RateBook } from '../forecast/rates.ts';
import { readPackage } from '../provenance.ts';
import { JobDevices } from './device.ts';
import { openEngine } from './engine.ts';
import { tellBook, tellForecast } from './forecasting.ts';
import { measureAll } from './measuring.ts';
import { selectParameters } from './select-parameters.ts';
import { RunProgress } from './run-progress.ts';
import type { JobControl } from './job-control.ts';
import type { JobEvent, MeasureRequest } from './protocol.ts';

export async function runMeasurement(
  request: MeasureRequest,
  control: JobControl,
  emit: (event: JobEvent) => void,
): Promise<void> {
  const begun = performance.now();
  emit({ kind: 'progress', stage: 'reading data', share: 0, secondsLeft: null });
  const engine = await openEngine(request.engine);
  const devices = new JobDevices(request.engine, (text) => {
    emit({ kind: 'log', level: 'warning', text });
  });
  const cpuBook = new RateBook(machineKey(engine.report, readPackage().version), request.forecast?.known ?? {});
  const device = await devices.open(request.forecast === null ? null : cpuBook);
  tellBook(cpuBook, emit);
  const network = new Network(request.model, new CpuBackend(engine.blas, 'float64'));
  const parameters = selectParameters(network, request.measurement.parameters);
  const layout = request.layout ?? 'covature';
  if (request.modelFile !== undefined) {
    const { check, file } = await checkModelFile(engine.blas, request.modelFile, false);
    for (const text of [agreementText(check), ...file.notes]) emit({ kind: 'log', level: 'info', text });
  }
  const { weights, unused } = await readWeights(request.weights, layout, wantedTensors(network), request.choice);
  // A checkpoint holds the optimiser's state beside the weights.
  const foreign = unused.filter((name) => !name.startsWith('velocity.') && name !== 'sampler.order');
  if (foreign.length > 0) {
    const text = `${request.weights}: the model has no place for ${foreign.slice(0, 20).join(', ')}${foreign.length > 20 ? ` and ${foreign.length - 20} more` : ''}; left out`;
    emit({ kind: 'log', level: 'warning', text });
  }
  const data = await prepareData(request.dataset, request.model, network.loss, request, layout);
  emit({
    kind: 'prepared',
    dataset: data.summary,
    parameters: network.parameters.reduce((sum, { rows, cols }) => sum + rows * cols, 0),
    steps: 0,
    step: 0,
    engine: { ...engine.report, backend: device?.title ?? 'cpu' },
  });
  const pool = new Pool(engine.blas, { threads: engine.report.threads });
  try {
    const samples = data.train.inputs.length / network.inputSize;
    const sharedWeights = new Map([...weights].map(([name, values]) => [name, shared(values)]));
    const forecast = await tellForecast(request.forecast, emit, ({ known }) => {
      const measuring = measuringDevice(engine.report, device, devices.isAuto, known);
      const setting = { engine, pool, known, network, data: data.train, samples, testSamples: 0 };
      return forecastMeasuring({ ...setting, device: measuring }, request.model, sharedWeights, request.measurement);
    });
    if (request.forecast?.only === true) {
      emit({ kind: 'ended', outcome: 'done', reason: null, step: 0, results: {}, seconds: {} });
      return;
    }
    const progress = new RunProgress(forecast, 0, 0);
    const context = {
      engine,
      device,
      isCalibrated: devices.isAuto,
      pool,
      input: {
        model: request.model,
        weights: sharedWeights,
        inputs: data.train.inputs,
        targets: data.train.targets,
        classes: data.classes,
      },
      dataNotes: data.summary.notes,
      staging: request.staging,
      forecast: request.forecast,
      step: 0,
      epoch: 0,
      emit,
      signal: control.signal,
    };
    const planned = parameters.map((parameter) => ({ parameter, spec: request.measurement }));
    await measureAll(context, planned, progress);
  } finally {
    await pool.close();
    await devices.close();
  }
  emit({
    kind: 'ended',
    outcome: 'done',
    reason: null,
    step: 0,
    results: { peak_memory: 1024 * process.resourceUsage().maxRSS },
    seconds: { measuring: (performance.now() - begun) / 1000 },
  });
}
