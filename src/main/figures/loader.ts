/**
 * The numbers of a figure: reads the arrays that a sourced recipe names and computes what is not stored (eigenbases, eigenvalues of C and Q, overlaps,
 * curvature of single samples). Keeps what it read, so that the next drawing of the same results is quick.
 */
import type { Optional } from '../../shared/defined.ts';
import { readWeights } from '../../data/weights.ts';
import { sampleCurvatures } from '../../engine/curvature/sample-curvatures.ts';
import { withNetwork } from '../../engine/network/with-network.ts';
import { wantedTensors } from '../../engine/network/wanted.ts';
import type { Blas } from '../../engine/blas/types.ts';
import { InputError } from '../../shared/errors.ts';
import type { Measurement } from '../../shared/figures/figure-data.ts';
import { buildFigure, type FigureRecipe } from '../../shared/figures/recipe.ts';
import { figureTable, type FigureName } from '../../shared/figures/catalogue.ts';
import type { FigureData } from '../../shared/figures/figure-data.ts';
import type { RecipeOptions } from '../../shared/figures/recipe-options.ts';
import type { FigureSpec } from '../../shared/figures/types.ts';
import { smallestCutoff } from '../../shared/estimands.ts';
import { isStandardCutoff, withRows } from '../../shared/cutoff-rows.ts';
import type { CutoffRows } from '../../shared/cutoff-rows.ts';
import type { MeasurementSummary } from '../../shared/results.ts';
import { fitsAtCutoff, rowsAtCutoff } from '../cutoff-rows.ts';
import { prepareData } from '../jobs/data.ts';
import { openEngine } from '../jobs/engine.ts';
import type { EngineOptions } from '../jobs/protocol.ts';
import { diagonalNames } from '../../shared/array-names.ts';
import { readResultArrays } from '../results-file.ts';
import { Matrices } from './matrices.ts';
import type { MeasuredNetwork, StoredMeasurement } from './run-measurements.ts';
import type { SourcedData, SourcedFigure } from './sources.ts';

/** Directions whose samples are shown if none are asked for. */
const defaultDirections = { density: [1, 3, 10, 30], quantiles: [1, 2, 3, 5, 7, 10, 15, 20, 30] };
/** Measurements whose diagonals are kept, and results of single samples. */
const keptArrays = 500;
const keptSamples = 8;

export class FigureLoader {
  readonly #blas: () => Promise<Blas>;
  readonly #matrices: Matrices;
  readonly #arrays = new Map<string, Measurement['arrays']>();
  readonly #samples = new Map<string, Promise<Float64Array>>();
  readonly #rows = new Map<string, Promise<CutoffRows>>();

  /** The engine is opened when a figure first needs linear algebra. */
  constructor(engine: EngineOptions) {
    let opened: Promise<Blas> | undefined;
    this.#blas = () => (opened ??= openEngine(engine).then(({ blas }) => blas));
    this.#matrices = new Matrices(this.#blas);
  }

  /** The specification of a sourced recipe. Raises InputError if results lack what the figure draws. */
  async build({ recipe, data, provenance, spec }: SourcedFigure): Promise<FigureSpec> {
    if (spec !== undefined) return spec;
    if (recipe.figure !== 'panels') return buildFigure(recipe, await this.#load(recipe, data[0]), provenance);
    const loaded: FigureData[] = [];
    for (const [k, panel] of (recipe.panels ?? []).entries()) loaded.push(await this.#load(panel, data[k]));
    return buildFigure(recipe, loaded, provenance);
  }

  /** A measurement with its diagonals; without any if it has none stored. */
  async measurement({ summary, file }: StoredMeasurement): Promise<Measurement> {
    if (file === null) return { summary, arrays: {} };
    let arrays = this.#arrays.get(file);
    if (arrays === undefined) {
      const dual =
        summary.duality === undefined ? {} : await readResultArrays(file, ['C_dual_diagonal', 'dual_spread']);
      arrays = { ...(await readResultArrays(file, diagonalNames)), ...dual };
      this.#arrays.set(file, arrays);
      for (const oldest of this.#arrays.keys()) {
        if (this.#arrays.size <= keptArrays) break;
        this.#arrays.delete(oldest);
      }
    }
    return { summary, arrays };
  }

  /** The summary, with fits at the cutoff that is asked for if that is between the standard ones. */
  async #summaryAt({ file, summary }: StoredMeasurement, cutoff: number | undefined): Promise<MeasurementSummary> {
    if (cutoff === undefined || isStandardCutoff(cutoff) || cutoff < smallestCutoff || file === null) return summary;
    const key = `${file} ${cutoff}`;
    let rows = this.#rows.get(key);
    if (rows === undefined) {
      rows = rowsAtCutoff(file, summary, cutoff).then((found) => found ?? fitsAtCutoff(file, summary, cutoff));
      rows.catch(() => this.#rows.delete(key));
      this.#rows.set(key, rows);
      for (const oldest of this.#rows.keys()) {
        if (this.#rows.size <= keptArrays) break;
        this.#rows.delete(oldest);
      }
    }
    return withRows(summary, await rows);
  }

  #summariesAt(items: readonly StoredMeasurement[], cutoff: number | undefined): Promise<MeasurementSummary[]> {
    return Promise.all(items.map((item) => this.#summaryAt(item, cutoff)));
  }

  async #load({ figure, options }: FigureRecipe, data: SourcedData): Promise<FigureData> {
    const { cutoff } = options;
    switch (data.kind) {
      case 'measurement': {
        const { arrays } = await this.measurement(data.item);
        const measurement = { summary: await this.#summaryAt(data.item, cutoff), arrays };
        const eigenvalues = figure === 'spectra' ? await this.#eigenvalues(data.item, options) : undefined;
        return { kind: 'measurement', measurement, eigenvalues };
      }
      case 'measurements': {
        const summaries = await this.#summariesAt(data.items, cutoff);
        return {
          kind: 'measurements',
          measurements: summaries.map((summary, k) => ({ summary, arrays: {}, name: data.names[k] ?? '' })),
        };
      }
      case 'hyperparameter':
        return {
          kind: 'hyperparameter',
          parameter: data.parameter,
          rows: await Promise.all(
            data.rows.map(async ({ value, group, items }) => ({
              value,
              group,
              measurements: (await this.#summariesAt(items, cutoff)).map((summary) => ({ summary, arrays: {} })),
            })),
          ),
        };
      case 'curves':
        return data;
      case 'history': {
        const summaries = await this.#summariesAt(data.items, cutoff);
        return {
          kind: 'history',
          history: {
            measurements: data.items.map(({ step }, k) => ({ step, summary: summaries[k] })),
            network: data.network.map(({ step, summary }) => ({ step, summary })),
            loss: data.loss.length > 0 ? data.loss : undefined,
            rates: data.rates,
            momentum: data.momentum,
          },
        };
      }
      case 'matrix': {
        const name = options.matrix ?? 'C';
        const basis = options.basis ?? 'eigenbasis';
        const { d, values } = await this.#matrices.matrix(fileOf(data.item, figure), name, basis);
        const symbol = name === 'gauss_newton' ? 'G' : name;
        return {
          kind: 'matrix',
          matrix: { name: symbol, values, size: d, basis, parameter: data.item.summary.parameter },
        };
      }
      case 'overlap': {
        const rows = options.against ?? 'C';
        const { k, d, values } = await this.#matrices.overlaps(fileOf(data.item, figure), rows, options.leading ?? 50);
        return { kind: 'overlap', overlap: { values, size: k, d, parameter: data.item.summary.parameter, rows } };
      }
      case 'samples': {
        const { parameter } = data.item.summary;
        const kind = options.kind ?? 'density';
        const measuredCount = data.item.summary.projected?.k ?? data.item.summary.d;
        const directions =
          options.directions ?? defaultDirections[kind].filter((direction) => direction <= measuredCount);
        const file = fileOf(data.item, figure);
        const values = await this.#curvatures(data.item, data.network, file, directions);
        const samples = values.length / directions.length;
        return {
          kind: 'samples',
          parameter,
          directions: directions.map((direction, i) => ({
            direction,
            values: values.subarray(i * samples, (i + 1) * samples),
          })),
        };
      }
      default:
        data satisfies never;
        throw new Error('unknown data of a figure');
    }
  }

  /** Those of C and Q if the recipe asks for them (the default) and the matrices are stored. */
  async #eigenvalues(
    { file, summary }: StoredMeasurement,
    options: RecipeOptions,
  ): Promise<Optional<Record<'C' | 'Q', Float64Array>> | undefined> {
    if (file === null || summary.method === 'projected' || options.spectrum === 'diagonals') return undefined;
    const quantities: readonly string[] = options.quantities ?? ['H', 'C', 'Q'];
    return {
      C: quantities.includes('C') ? await this.#matrices.eigenvalues(file, 'C') : undefined,
      Q: quantities.includes('Q') ? await this.#matrices.eigenvalues(file, 'Q') : undefined,
    };
  }

  #curvatures(
    item: StoredMeasurement,
    network: MeasuredNetwork,
    file: string,
    directions: readonly number[],
  ): Promise<Float64Array> {
    const key = `${item.id} ${directions.join(',')}`;
    let curvatures = this.#samples.get(key);
    if (curvatures === undefined) {
      curvatures = this.#computeCurvatures(item, network, file, directions);
      curvatures.catch(() => this.#samples.delete(key));
      this.#samples.set(key, curvatures);
      for (const oldest of this.#samples.keys()) {
        if (this.#samples.size <= keptSamples) break;
        this.#samples.delete(oldest);
      }
    }
    return curvatures;
  }

  /** The samples that were measured: the first of the training part. */
  async #computeCurvatures(
    { summary }: StoredMeasurement,
    { model, dataset, weights, ...folders }: MeasuredNetwork,
    file: string,
    directions: readonly number[],
  ): Promise<Float64Array> {
    const vectors = await this.#matrices.directions(file, directions);
    return withNetwork(await this.#blas(), model, async (network, backend) => {
      for (const [name, values] of (await readWeights(weights, 'covature', wantedTensors(network))).weights)
        network.setWeight(name, values);
      const { train } = await prepareData(dataset, model, network.loss, folders);
      const part = <T extends Float32Array | Float64Array>(values: T, each: number): Float64Array =>
        Float64Array.from(values.subarray(0, summary.samples * each));
      return sampleCurvatures({
        network,
        backend,
        parameter: summary.parameter,
        inputs: part(train.inputs, network.inputSize),
        targets: part(train.targets, network.targetSize),
        directions: vectors,
      });
    });
  }
}

function fileOf({ file, summary, step }: StoredMeasurement, figure: FigureRecipe['figure']): string {
  if (file === null)
    throw new InputError(
      `${figureTable[figure as FigureName].title}: the arrays of ${summary.parameter} at step ${step} are not in the store; measure again to get them`,
    );
  return file;
}
