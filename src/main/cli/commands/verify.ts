/** covature verify */
import * as path from 'node:path';
import * as v from 'valibot';
import { integer } from '../../../shared/validation.ts';
import { parseRecorded } from '../../../shared/experiment.ts';
import { parseModel } from '../../../shared/model.ts';
import type { ModelSpec } from '../../../shared/model.ts';
import type { Verification } from '../../../shared/verification.ts';
import { Pool } from '../../../engine/parallel/pool.ts';
import { verifyModel } from '../../../engine/verify/verify.ts';
import { openEngine } from '../../jobs/engine.ts';
import { engineFlags, engineOf, openStoreFor, printJson, storeFlags } from '../command.ts';
import type { Command } from '../command.ts';
import { flagsHelp, parse } from '../flags.ts';
import type { Flags } from '../flags.ts';
import { UsageError } from '../usage-error.ts';
import { readJsonFile } from '../files.ts';
import { formatTable, indent } from '../format.ts';
import { ProgressLine } from '../progress.ts';
import { onTermination } from '../signals.ts';

const flags = {
  model: { schema: v.string(), value: 'FILE', help: 'the model, as JSON (or an experiment, whose model is taken)' },
  run: { schema: v.string(), value: 'RUN', help: 'the model of a stored run' },
  parameter: { schema: v.array(v.string()), value: 'NAME', help: 'check only this parameter', otherwise: 'all' },
  seed: { schema: integer(0), value: 'N', help: 'of the weights and data', otherwise: '1' },
  ...engineFlags,
  ...storeFlags,
} as const satisfies Flags;

const help = `Usage: covature verify --model MODEL.json [options]
       covature verify --run RUN [options]

Checks the measurement of a model on a small copy of it: the same kinds of layers in the same order, fewer units, filters and pixels, random weights and data.
Every quantity is compared with an oracle that shares no code with what it checks: each entry of each sample's Hessian in hyper-dual numbers
through a forward pass of its own, then C, H and Q by dense loops as they are defined. Ends with 1 if one disagrees.

${flagsHelp(flags)}

Example: covature verify --model resources/examples/mnist-vit.json`;

export const verify: Command = {
  help,
  flags,
  run: async (argv) => {
    const { values } = parse(argv, flags, [0, 0]);
    if ((values.model === undefined) === (values.run === undefined))
      throw new UsageError('expected --model with a file, or --run with a run');
    const model = values.model === undefined ? modelOfRun(values) : await modelInFile(values.model);
    const engine = await openEngine(engineOf(values));
    const pool = new Pool(engine.blas, { threads: engine.report.threads });
    const progress = new ProgressLine();
    const abort = new AbortController();
    const stop = onTermination(() => {
      abort.abort(new Error('cancelled'));
    });
    try {
      const report = await verifyModel(pool, model, {
        seed: values.seed,
        parameters: values.parameter,
        signal: abort.signal,
        onProgress: (parameter, share) => {
          progress.show(`checking ${parameter}`, share, null);
        },
      });
      progress.clear();
      if (values.json) printJson(report);
      else process.stdout.write(`${verificationText(report)}\n`);
      return report.agrees ? 0 : 1;
    } finally {
      stop();
      progress.clear();
      await pool.close();
    }
  },
};

function modelOfRun(values: { readonly run?: string | undefined; readonly store?: string | undefined }): ModelSpec {
  using store = openStoreFor(values, true);
  const record = store.findRun(values.run ?? '');
  return parseRecorded(record.experiment, `experiment of run ${record.id}`).model;
}

async function modelInFile(file: string): Promise<ModelSpec> {
  const document = await readJsonFile(file);
  const name = path.basename(file);
  const isExperiment = typeof document === 'object' && document !== null && 'model' in document;
  return isExperiment ? parseModel(document.model, `${name}: model`) : parseModel(document, name);
}

/** One line per parameter and method; disagreements are named. */
export function verificationText(report: Verification): string {
  const rows = report.parameters.map(({ parameter, shape, method, quantities, agrees }) => {
    const [worst] = [...quantities].sort((a, b) => b.disagreement / b.tolerance - a.disagreement / a.tolerance);
    const wrong = quantities.filter((each) => !each.agrees).map((each) => each.quantity);
    return [
      parameter,
      `[${shape.join(' x ')}]`,
      method,
      String(quantities.length),
      `${worst.disagreement.toExponential(1)} (${worst.quantity})`,
      worst.tolerance.toExponential(0),
      agrees ? 'agrees' : `DISAGREES in ${wrong.join(', ')}`,
    ];
  });
  const { model } = report;
  return [
    `a small copy of the model (input [${model.input.join(', ')}], ${report.samples} samples, seed ${report.seed}) against the oracle:`,
    indent(
      formatTable(['parameter', 'shape', 'method', 'quantities', 'largest disagreement', 'allowed', 'verdict'], rows),
    ),
    ...report.left_out.map(({ parameter, d }) => `  ${parameter}: left out, ${d} weights are too many for the oracle`),
    `${report.agrees ? 'everything agrees' : 'THE MEASUREMENT DISAGREES WITH THE ORACLE'}; ${report.seconds.toFixed(1)} s on ${report.engine.blas}`,
  ].join('\n');
}
