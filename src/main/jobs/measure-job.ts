/** Measuring a model with given weights and data, in its own process. */
import { readSafetensors } from '../../data/formats/safetensors.ts';
import { CpuBackend } from '../../engine/backend/cpu.ts';
import { Network } from '../../engine/network/network.ts';
import { wantedTensors } from '../../engine/network/wanted.ts';
import { Pool } from '../../engine/parallel/pool.ts';
import { shared } from '../../engine/parallel/shared.ts';
import { weightsFrom } from './checkpoint-file.ts';
import { prepareData } from './data.ts';
import { openEngine } from './engine.ts';
import { measureInto, selectParameters } from './measuring.ts';
import type { JobControl } from './train-job.ts';
import type { JobEvent, MeasureRequest } from './protocol.ts';

export async function runMeasurement(
  request: MeasureRequest,
  control: JobControl,
  emit: (event: JobEvent) => void,
): Promise<void> {
  const begun = performance.now();
  emit({ kind: 'progress', stage: 'reading data', share: 0, secondsLeft: null });
  const engine = await openEngine(request.engine);
  const network = new Network(request.model, new CpuBackend(engine.blas, 'float64'));
  const parameters = selectParameters(network, request.measurement.parameters);
  const weights = weightsFrom(await readSafetensors(request.weights), request.weights, wantedTensors(network));
  const data = await prepareData(request.dataset, request.model, network.outputSize, request);
  emit({
    kind: 'prepared',
    dataset: data.summary,
    parameters: network.parameters.reduce((sum, { rows, cols }) => sum + rows * cols, 0),
    steps: 0,
    step: 0,
    engine: engine.report,
  });
  const pool = new Pool(engine.blas, { threads: engine.report.threads });
  try {
    for (const [index, parameter] of parameters.entries()) {
      await measureInto(
        {
          engine,
          pool,
          input: {
            model: request.model,
            weights: new Map([...weights].map(([name, values]) => [name, shared(values)])),
            inputs: data.train.inputs,
            targets: data.train.targets,
            classes: data.classes,
          },
          staging: request.staging,
          step: 0,
          epoch: 0,
          emit,
          signal: control.signal,
          onProgress: (stage, share) => {
            const done = (index + share) / parameters.length;
            const seconds = (performance.now() - begun) / 1000;
            const secondsLeft = done > 0.05 ? (seconds / done) * (1 - done) : null;
            emit({
              kind: 'progress',
              stage: `measuring ${parameter}: ${stage.replaceAll('_', ' ')}`,
              share: done,
              secondsLeft,
            });
          },
        },
        parameter,
        request.measurement,
      );
    }
  } finally {
    await pool.close();
  }
  emit({
    kind: 'ended',
    outcome: 'done',
    reason: null,
    step: 0,
    results: {},
    seconds: { measuring: (performance.now() - begun) / 1000 },
  });
}
