/** covature export */
import { estimands } from '../../../shared/estimands.ts';
import { readFile } from 'node:fs/promises';
import * as path from 'node:path';
import { InputError, messageOf } from '../../../shared/errors.ts';
import { applyToRuns } from '../../../shared/figures/apply.ts';
import { parseRecipe, type FigureRecipe, type FigureSource } from '../../../shared/figures/recipe.ts';
import { figureNames, figureTable, type FigureName } from '../../../shared/figures/catalogue.ts';
import type { MeasurementSummary } from '../../../shared/results.ts';
import type { RecipeOptions } from '../../../shared/figures/recipe-options.ts';
import { drawFigure, FileNames } from '../../figures/batch.ts';
import { figureFormats, writeExport, type FigureFormat } from '../../figures/export.ts';
import { loadFonts } from '../../figures/fonts.ts';
import { FigureLoader } from '../../figures/loader.ts';
import { recipesIn } from '../../figures/reopen.ts';
import { sourceFigure } from '../../figures/sources.ts';
import type { MeasurementRecord, RunRecord, Store } from '../../store/index.ts';
import {
  engineFlags,
  engineOf,
  integerOption,
  oneOf,
  openStoreFor,
  parse,
  printJson,
  storeHelp,
  storeOptions,
  UsageError,
  makeFolder,
} from '../command.ts';
import type { Command } from '../command.ts';
import { figureFlags, figureOptions, figureOptionsHelp, figuresHelp } from '../figure-options.ts';
import { dataKinds, fileStem, measurementStem, writeRunFiles, type DataKind } from '../run-files.ts';

const kinds = [...new Set([...dataKinds, ...figureFormats])] as const;

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
  --figure NAME    ("all": every one that the runs have data for)
${figuresHelp}
  --recipe FILE    a recipe (JSON, or a list of them), or a figure that was exported as SVG, PDF or PNG; RUNs take the place of its own
  --stored NAME    a recipe stored in the workbench, by name or id ("all": each of them); may be repeated, as --figure and --recipe
  --format KIND    svg, pdf, png, tiff, csv (what is drawn), json (the recipe), py (matplotlib script with its CSV),
                   tex (table of the measurements behind the figure); several with commas
  --dpi N          of png and tiff (default: 600)
  --parameter P    only this layer ("fc2" or "fc2.kernel")
  --step N         measurements at this step of training (default: the last)
  --apart          a figure for each run, where one could hold several as panels
${figureOptionsHelp}
  --name NAME      file name of a single figure, without its ending

  --out DIR        folder that receives the files (made if need be; default: this one)
${storeHelp}

Examples:
  covature export mnist-ce --format svg --format csv --out figures
  covature export mnist-ce --figure C_H,gamma_cutoff --preset prl-1 --format pdf,py --out figures
  covature export a1b2 c3d4 e5f6 --figure gamma_hyperparameter --set field=optimiser.lr --format pdf --out figures
  covature export b7c8 --recipe figure-2.pdf --format pdf --out figures`;

const options = {
  ...storeOptions,
  ...engineFlags,
  ...figureFlags,
  format: { type: 'string', multiple: true },
  figure: { type: 'string', multiple: true },
  recipe: { type: 'string', multiple: true },
  stored: { type: 'string', multiple: true },
  out: { type: 'string' },
  name: { type: 'string' },
  dpi: { type: 'string' },
  parameter: { type: 'string' },
  step: { type: 'string' },
  apart: { type: 'boolean' },
} as const;

export const exportCommand: Command = {
  help,
  run: async (argv) => {
    const { values, positionals } = parse(argv, options, [0, Infinity]);
    const listed = (texts: readonly string[] | undefined): string[] =>
      (texts ?? []).flatMap((text) => text.split(',').map((each) => each.trim())).filter((each) => each !== '');
    const formats = [...new Set(listed(values.format))].map((text) => oneOf(text, 'format', kinds));
    if (formats.length === 0) throw new UsageError(`expected --format: ${kinds.join(', ')}`);
    const figures = listed(values.figure).map((text) => oneOf(text, 'figure', ['all', ...figureNames]));
    const named = [...(values.recipe ?? []), ...(values.stored ?? [])];
    const drawing = figures.length > 0 || named.length > 0;
    if (positionals.length === 0 && named.length === 0)
      throw new UsageError('expected at least one run, or --recipe or --stored with runs of its own');
    const step = integerOption(values.step, 'step', 0);
    const dpi = integerOption(values.dpi, 'dpi', 30);
    const chosen = figureOptions(values);
    const folder = path.resolve(values.out ?? '.');
    using store = openStoreFor(values, true);
    const runs = positionals.map((text) => store.findRun(text));
    const source = {
      ...(values.parameter === undefined ? {} : { parameter: values.parameter }),
      ...(step === undefined ? {} : { step }),
    };
    const figureKinds = formats.filter((format): format is FigureFormat => isFigureFormat(format));
    const files: string[] = [];
    const drawn: Document[] = [];
    const omitted: Omitted[] = [];
    const draw = async (plans: readonly Plan[], kinds: readonly FigureFormat[]): Promise<void> => {
      makeFolder(folder);
      const settings = { formats: kinds, folder, engine: engineOf(values), ...(dpi === undefined ? {} : { dpi }) };
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
        throw new UsageError(`--format ${odd}: no format of figures (${figureFormats.join(', ')})`);
      const plans = [
        ...figures.flatMap((figure) => plansOf(store, figure, runs, source, chosen, values.apart === true)),
        ...(await namedPlans(store, values.recipe ?? [], values.stored ?? [], runs, chosen)),
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
        if (pictures.length > 0) await draw(scatterPlans(run, measurements, chosen), pictures);
      }
    }
    const ids = runs.map(({ id }) => id);
    if (values.json === true)
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

interface Plan {
  readonly name: string;
  readonly recipe: FigureRecipe;
  /** Asked for as one of "all": left out where the runs have nothing to draw for it. */
  readonly optional?: boolean;
}

/** A figure that was not written. */
interface Omitted {
  readonly name: string;
  readonly reason: string;
  /** Nothing to draw; or an error, of the input or another. */
  readonly kind: 'empty' | 'input' | 'failed';
}

/** What `--json` says of a figure. */
interface Document {
  readonly name: string;
  readonly width_mm: number;
  readonly height_mm: number;
  readonly notes: readonly string[];
  readonly warnings: readonly string[];
  readonly files: readonly string[];
}

type Source = Omit<FigureSource, 'run'>;

function recipeOf(
  figure: FigureName,
  name: string,
  sources: readonly FigureSource[],
  options: RecipeOptions,
): FigureRecipe {
  return { format: 'covature-figure-recipe', version: 1, name, figure, sources, options };
}

/** The measurements that data files are written of. Raises InputError where there is none but files of them are wanted. */
function chosenMeasurements(
  store: Store,
  run: RunRecord,
  { parameter, step }: Source,
  formats: readonly string[],
): MeasurementRecord[] {
  const found = store
    .measurements(run.id)
    .filter((each) => each.state === 'done' && (step === undefined || each.step === step))
    .filter((each) => parameter === undefined || [parameter, `${parameter}.kernel`].includes(each.parameter));
  if (found.length === 0 && formats.some((format) => format === 'safetensors' || !isDataKind(format)))
    throw new InputError(`run ${run.id} (${run.name}) has no such measurement`);
  return found;
}

/** C_ii against H_ii of measurements, both estimands: what a run shows first. */
export function scatterPlans(
  run: RunRecord,
  measurements: readonly MeasurementRecord[],
  options: RecipeOptions = {},
): Plan[] {
  return measurements.flatMap((measurement) =>
    measurement.summary === null || measurement.arrays === null
      ? []
      : estimands.map((estimand) => {
          const name = `${measurementStem(run, measurement)}-C-H-${estimand}`;
          const { parameter, step } = measurement;
          return { name, recipe: recipeOf('C_H', name, [{ run: run.id, parameter, step }], { ...options, estimand }) };
        }),
  );
}

/** The recipes that a name of a figure stands for, of the runs of the command. */
function plansOf(
  store: Store,
  figure: 'all' | FigureName,
  runs: readonly RunRecord[],
  source: Source,
  options: RecipeOptions,
  apart: boolean,
): Plan[] {
  if (runs.length === 0) throw new UsageError('--figure: expected at least one run');
  if (figure === 'all') {
    const plans = figureNames
      .filter((name) => options.field !== undefined || name !== 'gamma_hyperparameter' || runs.length > 1)
      .flatMap((name) => plansOf(store, name, runs, source, options, apart));
    return plans.filter(({ recipe }) => hasData(store, recipe)).map((plan) => ({ ...plan, optional: true }));
  }
  const { takes } = figureTable[figure];
  const sources = runs.map((run): FigureSource => ({ run: run.id, ...source }));
  if (takes === 'measurements' || takes === 'runs') {
    const stem = runs.length === 1 ? fileStem(runs[0]) : `${runs.length}-runs`;
    return [
      {
        name: `${stem}-${figure}`,
        recipe: recipeOf(figure, `${figureTable[figure].title}: ${stem}`, sources, options),
      },
    ];
  }
  if (runs.length > 1 && !apart) {
    const name = `${runs.length}-runs-${figure}`;
    return [{ name, recipe: recipeOf(figure, name, sources, options) }];
  }
  // Every layer that was measured at the step, each a figure of its own.
  return runs.flatMap((run) => {
    const done = store.measurements(run.id).filter((each) => each.state === 'done' && each.summary !== null);
    const step = source.step ?? Math.max(...done.map((each) => each.step));
    const layers = [
      ...new Set(done.filter((each) => takes === 'run' || each.step === step).map((each) => each.parameter)),
    ];
    const wanted = source.parameter === undefined && layers.length > 0 ? layers : [source.parameter];
    return wanted.map((parameter) => {
      const name = `${fileStem(run)}-${parameter ?? ''}-${figure}`.replace('--', '-');
      const chosen = { run: run.id, ...source, ...(parameter === undefined ? {} : { parameter }) };
      return { name, recipe: recipeOf(figure, name, [chosen], options) };
    });
  });
}

/** What only some measurements hold, of the figures that draw it. */
const partOf: { readonly [N in FigureName]?: (summary: MeasurementSummary) => unknown } = {
  duality: ({ duality }) => duality?.moments.all,
  isotropy: ({ duality }) => duality?.moments.all,
  assumptions: ({ assumptions }) => assumptions,
  density: ({ density }) => density,
};

/** Whether the results that a recipe names are there; another fault than a missing result is raised later, when it is drawn. */
function hasData(store: Store, recipe: FigureRecipe): boolean {
  try {
    const { data } = sourceFigure(store, recipe);
    const part = recipe.figure === 'panels' ? undefined : partOf[recipe.figure];
    return data.every((each) => {
      if (part !== undefined && 'item' in each && part(each.item.summary) === undefined) return false;
      if (each.kind === 'matrix' || each.kind === 'overlap')
        return each.item.file !== null && each.item.summary.method === 'exact';
      if (each.kind === 'history') return new Set(each.items.map(({ step }) => step)).size > 1;
      return !('item' in each) || each.item.file !== null;
    });
  } catch (error) {
    if (error instanceof InputError) return false;
    throw error;
  }
}

/** Recipes of files and of the store, applied to the runs of the command where there are any. */
async function namedPlans(
  store: Store,
  files: readonly string[],
  stored: readonly string[],
  runs: readonly RunRecord[],
  options: RecipeOptions,
): Promise<Plan[]> {
  const recipes = [
    ...(await Promise.all(files.map(recipesInFile))).flat(),
    ...stored.flatMap((text) => storedRecipes(store, text)),
  ];
  const ids = runs.map(({ id }) => id);
  return recipes.flatMap((recipe) => {
    const changed = { ...recipe, options: { ...recipe.options, ...options } };
    const applied = ids.length === 0 ? [changed] : applyToRuns(changed, ids);
    return applied.map((each, k) => ({
      name: applied.length > 1 ? `${recipe.name}-${fileStem(runs[k])}` : recipe.name,
      recipe: each,
    }));
  });
}

async function recipesInFile(file: string): Promise<FigureRecipe[]> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (error) {
    throw new InputError(`${file}: cannot be read: ${messageOf(error)}`);
  }
  return recipesIn(bytes, file);
}

function storedRecipes(store: Store, text: string): FigureRecipe[] {
  const all = store.listFigures();
  const found = text === 'all' ? all : all.filter(({ id, name }) => id === text || name === text);
  if (found.length === 0)
    throw new InputError(
      `no stored figure has the name or id "${text}"; stored are ${all.map(({ name }) => name).join(', ') || 'none'}`,
    );
  return found.map(({ name, recipe }) => ({ ...parseRecipe(recipe, `the stored figure "${name}"`), name }));
}

/**
 * Draws and writes, one figure after the other. One that fails is left out with its error and never ends the others; alone, it raises it. Of "all", what has
 * nothing to draw is left out too.
 */
export async function writeFigures(
  store: Store,
  plans: readonly Plan[],
  settings: {
    readonly formats: readonly FigureFormat[];
    readonly folder: string;
    readonly engine: ReturnType<typeof engineOf>;
    readonly dpi?: number;
  },
): Promise<{ readonly documents: readonly Document[]; readonly omitted: readonly Omitted[] }> {
  const fonts = loadFonts();
  const loader = new FigureLoader(settings.engine);
  const names = new FileNames();
  const documents: Document[] = [];
  const omitted: Omitted[] = [];
  for (const { name, recipe, optional = false } of plans) {
    const { dpi, formats } = settings;
    try {
      const sourced = sourceFigure(store, recipe);
      const options = dpi === undefined ? {} : { dpi };
      const drawn = await drawFigure(sourced, recipe, names.next(name), formats, loader, fonts, options);
      if (optional && drawn.empty !== undefined) {
        omitted.push({ name, reason: `nothing to draw: ${drawn.empty}`, kind: 'empty' });
        continue;
      }
      const files = await writeExport(drawn, settings.folder);
      const { width_mm, height_mm, notes, warnings } = drawn;
      documents.push({ name: drawn.name, width_mm, height_mm, notes, warnings, files });
    } catch (error) {
      if (plans.length === 1) throw error;
      omitted.push({ name, reason: messageOf(error), kind: error instanceof InputError ? 'input' : 'failed' });
    }
  }
  return { documents, omitted };
}
