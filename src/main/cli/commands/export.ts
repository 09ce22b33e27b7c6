/** covature export */
import * as path from 'node:path';
import * as v from 'valibot';
import { definedOf } from '../../../shared/defined.ts';
import { integer } from '../../../shared/validation.ts';
import { InputError } from '../../../shared/errors.ts';
import { figureNames } from '../../../shared/figures/catalogue.ts';
import { drawPlans, type DrawingSettings, type Omitted } from '../../figures/drawing.ts';
import { figureFormats } from '../../../shared/contract/methods/figures.ts';
import { writeExport, type FigureFormat } from '../../figures/export.ts';
import { namedPlans, plansOf, scatterPlans, type FigurePlan, type PlanSource } from '../../figures/plans.ts';
import type { MeasurementRecord, RunRecord, Store } from '../../store/index.ts';
import { engineFlags, engineOf, makeFolder, openStoreFor, printJson, storeFlags } from '../command.ts';
import type { Command } from '../command.ts';
import { dpiFlag, figureFlags, figureLines, figureOptions } from '../figure-options.ts';
import { flagsHelp, parse, toggle } from '../flags.ts';
import type { Flags } from '../flags.ts';
import { UsageError } from '../usage-error.ts';
import { dataKinds, writeRunFiles, type DataKind } from '../run-files.ts';

const kinds = [...new Set([...dataKinds, ...figureFormats])] as const;

const flags = {
  figure: {
    schema: v.array(v.picklist(['all', ...figureNames])),
    namesChoices: true,
    commas: true,
    value: 'NAME',
    help: '"all" (every one that the runs have data for), or',
    below: figureLines,
  },
  recipe: {
    schema: v.array(v.string()),
    value: 'FILE',
    help: 'a recipe (JSON, or a list of them), or a figure that was exported as SVG, PDF or PNG; RUNs replace its own',
  },
  stored: {
    schema: v.array(v.string()),
    value: 'NAME',
    help: 'a recipe stored in the workbench, by name or id, or "all" of them',
  },
  format: {
    schema: v.array(v.picklist(kinds)),
    namesChoices: true,
    commas: true,
    value: 'KIND',
    help: 'svg, pdf, png, tiff, csv (what is drawn), json (the recipe), py (matplotlib script with its CSV), tex (table of the measurements behind the figure)',
  },
  dpi: dpiFlag,
  parameter: { schema: v.string(), value: 'P', help: 'only this layer ("fc2" or "fc2.kernel")' },
  step: { schema: integer(0), value: 'N', help: 'measurements at this step of training', otherwise: 'the last' },
  apart: { schema: toggle, help: 'a figure for each run, if one could hold several as panels' },
  ...figureFlags,
  name: { schema: v.string(), value: 'NAME', help: 'file name of a single figure, without its ending' },
  out: {
    schema: v.string(),
    value: 'DIR',
    help: 'folder for the files, created if needed',
    otherwise: 'this one',
  },
  ...engineFlags,
  ...storeFlags,
} as const satisfies Flags;

const help = `Usage: covature export RUN [RUN ...] --format KIND [--format KIND ...] --out DIR [options]
       covature export RUN [RUN ...] --figure NAME [--figure NAME ...] --format svg,pdf,... [options]
       covature export [RUN ...] --recipe FILE [--stored NAME] ... --format svg,pdf,... [options]

Writes results of stored runs to files: data of each run, or figures, which need no browser.

Data (without --figure and --recipe):
  --format safetensors  C, H, Q, Gauss-Newton part, spectrum and diagonals of every measurement
           csv          the diagonals, one line a direction; the metric series, one line a step
           json         the run with all summaries
           run          the whole run with its files as a folder, for "covature import" elsewhere
           covature     the same as one file, to open with a double click or send by mail (up to 2 GB)
           svg, pdf ... C_ii against H_ii of every measurement, both estimands

Figures:
${flagsHelp(flags)}

Examples:
  covature export mnist-ce --format svg --format csv --out figures
  covature export mnist-ce --figure C_H,gamma_cutoff --preset prl-1 --format pdf,py --out figures
  covature export a1b2 c3d4 e5f6 --figure gamma_hyperparameter --set field=optimiser.lr --format pdf --out figures
  covature export b7c8 --recipe figure-2.pdf --format pdf --out figures`;

export const exportCommand: Command = {
  help,
  flags,
  run: async (argv) => {
    const { values, positionals } = parse(argv, flags, [0, Infinity]);
    const formats = [...new Set(values.format)];
    if (formats.length === 0) throw new UsageError(`expected --format: ${kinds.join(', ')}`);
    const figures = values.figure ?? [];
    const named = [...(values.recipe ?? []), ...(values.stored ?? [])];
    const drawing = figures.length > 0 || named.length > 0;
    if (positionals.length === 0 && named.length === 0)
      throw new UsageError('expected at least one run, or --recipe or --stored with runs of its own');
    const { parameter, step, dpi } = values;
    const style = figureOptions(values);
    const folder = path.resolve(values.out ?? '.');
    using store = openStoreFor(values, true);
    const runs = positionals.map((text) => store.findRun(text));
    const source = definedOf({ parameter, step });
    const figureKinds = formats.filter((format): format is FigureFormat => isFigureFormat(format));
    const files: string[] = [];
    const drawn: Document[] = [];
    const omitted: Omitted[] = [];
    const draw = async (plans: readonly FigurePlan[], kinds: readonly FigureFormat[]): Promise<void> => {
      makeFolder(folder);
      const settings = { formats: kinds, folder, engine: engineOf(values), dpi };
      const written = await writeFigures(store, plans, settings);
      omitted.push(...written.omitted);
      for (const document of written.documents) {
        drawn.push(document);
        files.push(...document.files);
      }
    };
    if (drawing) {
      const odd = formats.find((format) => !isFigureFormat(format));
      if (odd !== undefined)
        throw new UsageError(`--format ${odd}: not a format of figures (${figureFormats.join(', ')})`);
      if (figures.length > 0 && runs.length === 0) throw new UsageError('--figure: expected at least one run');
      const plans = [
        ...figures.flatMap((figure) => plansOf(store, figure, runs, source, style, values.apart)),
        ...(await namedPlans(store, values.recipe ?? [], values.stored ?? [], runs, style)),
      ];
      if (values.name !== undefined && plans.length !== 1)
        throw new UsageError(`--name: there are ${plans.length} figures; a name is for a single one`);
      await draw(values.name === undefined ? plans : [{ ...plans[0], name: values.name }], figureKinds);
    } else {
      for (const run of runs) {
        const measurements = chosenMeasurements(store, run, source, formats);
        makeFolder(folder);
        for (const kind of formats.filter((format): format is DataKind => isDataKind(format)))
          files.push(...(await writeRunFiles(store, run, measurements, kind, folder)));
        const pictures = figureKinds.filter((format) => !isDataKind(format));
        if (pictures.length > 0) await draw(scatterPlans(run, measurements, style), pictures);
      }
    }
    const ids = runs.map(({ id }) => id);
    if (values.json)
      printJson({ ...(ids.length === 1 ? { run: ids[0] } : { runs: ids }), files, figures: drawn, omitted });
    else process.stdout.write(files.map((file) => `${file}\n`).join(''));
    for (const { name, warnings } of drawn)
      for (const warning of warnings) process.stderr.write(`covature export: ${name}: ${warning}\n`);
    for (const { name, reason } of omitted) process.stderr.write(`covature export: ${name} is left out: ${reason}\n`);
    return omitted.some(({ kind }) => kind === 'failed') ? 1 : omitted.some(({ kind }) => kind === 'input') ? 2 : 0;
  },
};

const isDataKind = (kind: string): kind is DataKind => (dataKinds as readonly string[]).includes(kind);
const isFigureFormat = (kind: string): kind is FigureFormat => (figureFormats as readonly string[]).includes(kind);

/** What `--json` says of a figure. */
interface Document {
  readonly name: string;
  readonly width_mm: number;
  readonly height_mm: number;
  readonly notes: readonly string[];
  readonly warnings: readonly string[];
  readonly files: readonly string[];
}

/** The measurements that data files are written for. Raises InputError if there are none although their files were asked for. */
function chosenMeasurements(
  store: Store,
  run: RunRecord,
  { parameter, step }: PlanSource,
  formats: readonly string[],
): MeasurementRecord[] {
  const measurements = store
    .measurements(run.id)
    .filter((each) => each.state === 'done' && (step === undefined || each.step === step))
    .filter((each) => parameter === undefined || [parameter, `${parameter}.kernel`].includes(each.parameter));
  if (measurements.length === 0 && formats.some((format) => format === 'safetensors' || !isDataKind(format)))
    throw new InputError(`run ${run.id} (${run.name}) has no such measurement`);
  return measurements;
}

/** Draws and writes, one figure after the other (`drawPlans`). */
export async function writeFigures(
  store: Store,
  plans: readonly FigurePlan[],
  { folder, ...settings }: DrawingSettings & { readonly folder: string },
): Promise<{ readonly documents: readonly Document[]; readonly omitted: readonly Omitted[] }> {
  const documents: Document[] = [];
  const omitted: Omitted[] = [];
  for await (const outcome of drawPlans(store, plans, settings)) {
    if (outcome.kind !== 'drawn') {
      omitted.push(outcome);
      continue;
    }
    const { name, width_mm, height_mm, notes, warnings } = outcome.figure;
    const files = await writeExport(outcome.figure, folder);
    documents.push({ name, width_mm, height_mm, notes, warnings, files });
  }
  return { documents, omitted };
}
