/** C against H, G, F, E, Q and H^2 if all are known as d x d matrices (docs/theory.md, "The old assumption, tested"). */
import type { RotationBaseline } from '../../../shared/slopes.ts';
import type { AssumptionArrays, AssumptionsSummary, ComparedMatrix } from '../../../shared/assumptions.ts';
import type { Precision, Real } from '../../blas/types.ts';
import type { Pool } from '../../parallel/pool.ts';
import { averageClusters } from '../../statistics/index.ts';
import type { BlockProjections, Diagonals, Floors } from '../../statistics/index.ts';
import { projectedGradient } from '../block-projections.ts';
import type { DirectionMatrix } from '../block-projections.ts';
import { deviceAssumptionSum } from '../device/assumptions.ts';
import { deviceBlockProjections } from '../device/projections.ts';
import type { DeviceSession } from '../device/session.ts';
import { meanGradient, packedSum, unpackMatrix, unpackSum } from '../moments.ts';
import type { Half, MomentSums } from '../moments.ts';
import { leadingOf, leadingValues, rotationBaselines } from '../rotations.ts';
import type { LeadingValues } from '../rotations.ts';
import { cosines, decreasing, diagonalOf, measureCommutator } from '../spectrum.ts';
import type { Spectrum } from '../spectrum.ts';
import { gaussNewtonFormsTask, assumptionFactorsTask, assumptionBlocks } from './factors.ts';
import {
  assumptionColumns,
  blockSizes,
  empiricalFisherSums,
  identity,
  leadersOf,
  relativeDifference,
} from './columns.ts';
import type { Compared, MatrixSums } from './columns.ts';
import { empiricalFisherRatio, rowSquares, squaredHessianBesideC, timesVector } from './products.ts';
import type { BesideC } from './products.ts';

export interface WholeInput {
  readonly moments: MomentSums;
  readonly spectrum: Spectrum;
  /** [d, d]. */
  readonly C: Real;
  readonly H: Real;
  readonly Q: Real;
  /** C_ii and Q_ii along the spectrum, decreasing. */
  readonly diagonals: { readonly C: Float64Array; readonly Q: Float64Array };
  readonly gradient: Float64Array;
  readonly cosines: { readonly CH: number; readonly CQ: number };
  readonly ratio: number;
  readonly baseline: RotationBaseline;
  readonly leadingC: LeadingValues;
  readonly seed: number;
  readonly signal?: AbortSignal | undefined;
  /** Whether everything above the layer is piecewise linear, so that G = H is expected. */
  readonly piecewiseLinear: boolean;
}

type Whole = Omit<Compared, 'crossed' | 'sums'>;
/** v_i . M v_i of one half along the directions of the other; of E what it has more than C. */
type Crossed = Readonly<Record<'E' | 'H2', Float64Array>> & Readonly<Partial<Record<'G' | 'F', Float64Array>>>;

/** Methods are called in this order: `whole` while the spectrum is in memory, `along` for each half, then `finish`. */
export class ExactAssumptions {
  readonly #pool: Pool;
  readonly #device: DeviceSession | undefined;
  readonly #input: WholeInput;
  readonly #d: number;
  /** Packed sums of F and G. */
  readonly #sums: Readonly<Record<Half, Real>>;
  readonly #whole: Whole[] = [];
  #identities: AssumptionsSummary['identities'] = [];
  readonly #diagonals: { G?: Float64Array; F?: Float64Array; E?: Float64Array } = {};
  readonly #crossed: Crossed[] = [];

  private constructor(
    pool: Pool,
    input: WholeInput,
    sums: Readonly<Record<Half, Real>>,
    device: DeviceSession | undefined,
  ) {
    this.#pool = pool;
    this.#device = device;
    this.#input = input;
    this.#d = input.spectrum.d;
    this.#sums = sums;
  }

  /**
   * Passes over the samples and compares the whole matrices. `openProblem` must have run in every worker.
   * @param device makes the passes and their products in float32
   */
  static async begin(pool: Pool, input: WholeInput, device?: DeviceSession): Promise<ExactAssumptions> {
    const { moments, signal } = input;
    const { layout, order, sizes } = moments;
    const blocks = assumptionBlocks(layout);
    const widths = { leftWidth: layout.leftWidth, rightWidth: blocks.length * layout.blockWidth };
    const sumOver = (range: readonly [number, number]): Promise<Real> =>
      device === undefined
        ? packedSum(pool, widths, range, (piece) => {
            signal?.throwIfAborted();
            return pool.run(assumptionFactorsTask, { layout, order, ...piece });
          })
        : deviceAssumptionSum(device, pool, { layout, order, blocks, signal }, range);
    const A = await sumOver([0, sizes.A]);
    const B = await sumOver([sizes.A, order.length]);
    const made = new ExactAssumptions(pool, input, { A, B }, device);
    await made.#compare();
    return made;
  }

  async #compare(): Promise<void> {
    const { spectrum, C, H, Q, cosines: known, ratio, baseline, leadingC, diagonals, gradient, seed } = this.#input;
    const { blas } = this.#pool;
    const d = this.#d;
    const eigenvalues = decreasing(spectrum);
    const both = ['A', 'B'] as const;
    const matrix = blas.allocate('float64', d * d);
    const other = blas.allocate('float64', d * d);
    await this.#unpack('G', both, matrix);
    const GH = relativeDifference(matrix, H);
    await this.#unpack('F', both, other);
    const FG = relativeDifference(other, matrix);
    this.#identities = [
      identity(['F', 'G'], FG, true, this.#precision),
      identity(['G', 'H'], GH, this.#input.piecewiseLinear, this.#precision),
    ];
    const matrices = { G: matrix, F: other };
    for (const name of ['G', 'F'] as const)
      this.#diagonals[name] = averageClusters(eigenvalues, await diagonalOf(this.#pool, spectrum, matrices[name]));

    // Each beside C, then all of them with the same rotations of C.
    const standing: { name: ComparedMatrix; diagonal: Float64Array; leading: LeadingValues; own: BesideC }[] = [];
    const add = async (
      name: ComparedMatrix,
      of: Real,
      diagonal: Float64Array,
      given: Partial<BesideC> = {},
    ): Promise<void> => {
      const leading = await leadingValues(this.#pool, { d, matrix: of, start: spectrum.vectors });
      const cosine = given.cosine ?? (await cosines(this.#pool, C, of, of)).CH;
      standing.push({
        name,
        diagonal,
        leading,
        own: { cosine, ratio: given.ratio ?? (await measureCommutator(this.#pool, d, C, of)) },
      });
    };
    for (const name of ['G', 'F'] as const) {
      const diagonal = this.#diagonals[name];
      if (this.#stands(name) && diagonal !== undefined) await add(name, matrices[name], diagonal);
    }
    blas.release(other);
    await this.#unpack('E', both, matrix);
    const beyond = this.#squaredSlopes(spectrum, gradient);
    const E = diagonals.C.map((x, i) => x + beyond[i]);
    this.#diagonals.E = E;
    await add('E', matrix, E, { ratio: await empiricalFisherRatio(this.#pool, d, C, gradient) });
    blas.release(matrix);
    await add('Q', Q, diagonals.Q, { cosine: known.CQ });
    standing.push({
      name: 'H2',
      diagonal: eigenvalues.map((x) => x * x),
      leading: leadingOf(eigenvalues.map((x) => x * x)),
      own: await squaredHessianBesideC(this.#pool, spectrum, C, leadingC.total),
    });
    const baselines = await rotationBaselines(this.#pool, {
      d,
      C: leadingC,
      others: standing.map(({ leading }) => leading),
      seed,
    });
    this.#whole.push({ name: 'H', cosine: known.CH, ratio, baseline, diagonal: eigenvalues });
    for (const [i, { name, diagonal, own }] of standing.entries())
      this.#whole.push({ name, diagonal, ...own, baseline: baselines[i] });
  }

  get #precision(): Precision {
    return this.#device === undefined ? 'float64' : 'float32';
  }

  /** Whether a matrix has a column of its own: it equals none before it. */
  #stands(name: ComparedMatrix): boolean {
    return leadersOf(this.#identities).get(name) === name;
  }

  /** (g . v_i)^2, what E has more than C along the directions of a spectrum, in decreasing order. */
  #squaredSlopes(spectrum: Spectrum, gradient: Float64Array): Float64Array {
    const slopes = timesVector(this.#pool, this.#d, spectrum.vectors, gradient).reverse();
    return averageClusters(
      decreasing(spectrum),
      slopes.map((x) => x * x),
    );
  }

  /** A half's matrices along directions of the other half's H. `scratch` [d, d] is overwritten. */
  async along(spectrum: Spectrum, half: Half, scratch: Real): Promise<void> {
    const selection = decreasing(spectrum);
    const found: { G?: Float64Array; F?: Float64Array } = {};
    for (const name of ['G', 'F'] as const) {
      if (!this.#stands(name)) continue;
      await this.#unpack(name, [half], scratch);
      found[name] = averageClusters(selection, await diagonalOf(this.#pool, spectrum, scratch));
    }
    const { moments } = this.#input;
    const E = this.#squaredSlopes(spectrum, meanGradient(moments, [half]));
    await unpackMatrix(this.#pool, moments, 'H', [half], scratch);
    const squares = await rowSquares(this.#pool, this.#d, spectrum.vectors, scratch);
    this.#crossed.push({ ...found, E, H2: averageClusters(selection, squares.reverse()) });
  }

  /**
   * @param directions those of the projections: over all samples, of H_A, of H_B; null without intervals.
   */
  async finish(argument: {
    readonly trainingSet: Diagonals;
    readonly crossFitted: readonly [Diagonals, Diagonals];
    readonly floors: Floors;
    readonly gradient: Float64Array;
    readonly projections: BlockProjections | undefined;
    readonly directions: readonly [DirectionMatrix, DirectionMatrix, DirectionMatrix] | null;
  }): Promise<{ readonly summary: AssumptionsSummary; readonly arrays: AssumptionArrays }> {
    const { moments, seed } = this.#input;
    const { projections, directions, gradient, trainingSet, crossFitted, floors } = argument;
    const sums: Partial<Record<ComparedMatrix, MatrixSums>> =
      projections === undefined || directions === null ? {} : await this.#blockSums(projections, directions, gradient);
    const crossedOf = (name: ComparedMatrix, half: 0 | 1): Float64Array => {
      const values = crossFitted[half];
      if (name === 'H' || name === 'Q') return values[name];
      const own = this.#crossed[half];
      const of = name === 'E' ? own.E.map((x, i) => values.C[i] + x) : own[name];
      if (of === undefined) throw new Error(`${name} has no column of its own`);
      return of;
    };
    const compared = this.#whole.map((each): Compared => {
      const matrixSums = sums[each.name];
      return { ...each, crossed: [crossedOf(each.name, 0), crossedOf(each.name, 1)], sums: matrixSums };
    });
    const summary = await assumptionColumns(this.#pool, {
      compared,
      identities: this.#identities,
      within: 'whole',
      precision: this.#precision,
      trainingSet,
      crossFitted,
      floors,
      samples: moments.order.length,
      seed,
      projections,
    });
    const { G, F, E } = this.#diagonals;
    if (G === undefined || F === undefined || E === undefined) throw new Error('the matrices were not compared');
    return { summary, arrays: { G_diagonal: G, F_diagonal: F, E_diagonal: E } };
  }

  release(): void {
    this.#pool.blas.release(this.#sums.A);
    this.#pool.blas.release(this.#sums.B);
  }

  async #blockSums(
    projections: BlockProjections,
    directions: readonly [DirectionMatrix, DirectionMatrix, DirectionMatrix],
    gradient: Float64Array,
  ): Promise<Partial<Record<ComparedMatrix, MatrixSums>>> {
    const { layout } = this.#input.moments;
    const sets = [projections.training_set, ...projections.cross_fitted] as const;
    const sizes = blockSizes(projections);
    const three = (make: (set: 0 | 1 | 2) => Float64Array): MatrixSums => ({
      training_set: make(0),
      cross_fitted: [make(1), make(2)],
    });
    const known = {
      H: three((set) => sets[set].sums.curvature),
      Q: three((set) => sets[set].sums.squaredCurvature),
      E: three((set) =>
        empiricalFisherSums(sets[set], projectedGradient(layout, directions[set], gradient), sizes[set]),
      ),
    };
    if (!this.#stands('G') && !this.#stands('F')) return known;
    const G = await this.#gaussNewtonSums(projections, directions);
    return { ...known, G, F: G };
  }

  async #gaussNewtonSums(
    { blocks }: BlockProjections,
    directions: readonly [DirectionMatrix, DirectionMatrix, DirectionMatrix],
  ): Promise<MatrixSums> {
    const { layout, order, sizes } = this.#input.moments;
    if (this.#device !== undefined) {
      const [trainingSet, ...halves] = directions;
      const { gradient: meanGradient, signal } = this.#input;
      const task = { layout, order, sizes, meanGradient, trainingSet, halves, signal };
      const { training_set, cross_fitted } = await deviceBlockProjections(this.#device, task, true);
      return {
        training_set: training_set.sums.curvature,
        cross_fitted: [cross_fitted[0].sums.curvature, cross_fitted[1].sums.curvature],
      };
    }
    const target = (set: 0 | 1 | 2): { readonly columns: ReturnType<Pool['reference']>; readonly count: number } => ({
      columns: this.#pool.reference(directions[set].columns),
      count: directions[set].directions.indices.length,
    });
    const results = await Promise.all(
      blocks.map(({ quarter, start, end }) =>
        this.#pool.run(gaussNewtonFormsTask, {
          layout,
          order,
          start,
          end,
          targets: [target(0), target(quarter < 2 ? 2 : 1)],
        }),
      ),
    );
    const firstOfB = blocks.findIndex((block) => block.quarter >= 2);
    const joined = (rows: readonly Float64Array[]): Float64Array => {
      const width = rows[0].length;
      const out = new Float64Array(rows.length * width);
      for (const [b, row] of rows.entries()) out.set(row, b * width);
      return out;
    };
    return {
      training_set: joined(results.map((each) => each[0])),
      cross_fitted: [
        joined(results.slice(firstOfB).map((each) => each[1])),
        joined(results.slice(0, firstOfB).map((each) => each[1])),
      ],
    };
  }

  async #unpack(name: 'G' | 'F' | 'E', halves: readonly Half[], out: Real): Promise<void> {
    const { layout, sums, sizes } = this.#input.moments;
    const { inner, outer } = layout;
    const factor = 1 / halves.reduce((total, half) => total + sizes[half], 0);
    const own = assumptionBlocks(layout);
    // E: the sum behind C, without its mean. G, where it is not among the sums made here, is the moments' fourth block.
    const from =
      name !== 'E' && own.includes(name)
        ? { of: this.#sums, block: own.indexOf(name), blocks: own.length }
        : { of: sums, block: name === 'E' ? 2 : 3, blocks: layout.blocks };
    await unpackSum(this.#pool, {
      inner,
      outer,
      sums: halves.map((half) => from.of[half]),
      block: from.block,
      blocks: from.blocks,
      factor,
      mean: null,
      out,
    });
  }
}
