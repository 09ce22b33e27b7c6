/** C against H, G, F, E, Q and H^2 if all are known as d x d matrices (docs/theory.md, "The old assumption, tested"). */
import type { RotationBaseline } from '../../../shared/slopes.ts';
import type { AssumptionArrays, AssumptionsSummary, ComparedMatrix } from '../../../shared/assumptions.ts';
import type { Real } from '../../blas/types.ts';
import type { Pool } from '../../parallel/pool.ts';
import { averageClusters } from '../../statistics/index.ts';
import type { BlockProjections, Diagonals, Floors } from '../../statistics/index.ts';
import { projectedGradient } from '../block-projections.ts';
import type { DirectionMatrix } from '../block-projections.ts';
import { packedSum, unpackSum } from '../moments.ts';
import type { Half, MomentSums } from '../moments.ts';
import { rotationBaseline } from '../rotations.ts';
import { cosines, decreasing, diagonalOf, measureCommutator } from '../spectrum.ts';
import type { Spectrum } from '../spectrum.ts';
import { rowsProductTask } from '../dense-tasks.ts';
import { sumOfSquares } from '../vectors.ts';
import { gaussNewtonFormsTask, assumptionFactorsTask, assumptionBlocks } from './factors.ts';
import { assumptionColumns, blockSizes, empiricalFisherSums, identity, relativeDifference } from './columns.ts';
import type { Compared, MatrixSums } from './columns.ts';

const pieceSize = 160;

export interface WholeInput {
  readonly moments: MomentSums;
  readonly spectrum: Spectrum;
  /** [d, d]. */
  readonly C: Real;
  readonly H: Real;
  readonly Q: Real;
  readonly Q_diagonal: Float64Array;
  readonly cosines: { readonly CH: number; readonly CQ: number };
  readonly ratio: number;
  readonly baseline: RotationBaseline;
  readonly seed: number;
  /** Whether everything above the layer is piecewise linear, so that G = H is expected. */
  readonly piecewiseLinear: boolean;
}

type Whole = Omit<Compared, 'crossed' | 'sums'>;
/** v_i . M v_i of one half along the directions of the other. */
type Crossed = Readonly<Record<'G' | 'F' | 'E' | 'H2', Float64Array>>;

/** Methods are called in this order: `whole` while the spectrum is in memory, `along` for each half, then `finish`. */
export class ExactAssumptions {
  readonly #pool: Pool;
  readonly #input: WholeInput;
  readonly #d: number;
  /** Packed sums of F and G. */
  readonly #sums: Readonly<Record<Half, Real>>;
  readonly #whole: Whole[] = [];
  #identities: AssumptionsSummary['identities'] = [];
  readonly #crossed: Crossed[] = [];

  private constructor(pool: Pool, input: WholeInput, sums: Readonly<Record<Half, Real>>) {
    this.#pool = pool;
    this.#input = input;
    this.#d = input.spectrum.d;
    this.#sums = sums;
  }

  /** Passes over the samples and compares the whole matrices. `openProblem` must have run in every worker. */
  static async begin(pool: Pool, input: WholeInput): Promise<ExactAssumptions> {
    const { layout, order, sizes } = input.moments;
    const widths = { leftWidth: layout.leftWidth, rightWidth: assumptionBlocks.length * layout.blockWidth };
    const sumOver = (range: readonly [number, number]): Promise<Real> =>
      packedSum(pool, widths, range, (piece) => pool.run(assumptionFactorsTask, { layout, order, ...piece }));
    const A = await sumOver([0, sizes.A]);
    const B = await sumOver([sizes.A, order.length]);
    const made = new ExactAssumptions(pool, input, { A, B });
    await made.#compare();
    return made;
  }

  async #compare(): Promise<void> {
    const { spectrum, H, Q, cosines, ratio, baseline, Q_diagonal, piecewiseLinear } = this.#input;
    const { blas } = this.#pool;
    const d = this.#d;
    const eigenvalues = decreasing(spectrum);
    const both = ['A', 'B'] as const;
    this.#whole.push({ name: 'H', cosine: cosines.CH, ratio, baseline, diagonal: eigenvalues });
    const matrix = blas.allocate('float64', d * d);
    const other = blas.allocate('float64', d * d);
    await this.#unpack('G', both, matrix);
    const GH = relativeDifference(matrix, H);
    await this.#unpack('F', both, other);
    const FG = relativeDifference(other, matrix);
    this.#identities = [identity(['F', 'G'], FG, true), identity(['G', 'H'], GH, piecewiseLinear)];
    await this.#add('G', matrix);
    await this.#add('F', other);
    await this.#unpack('E', both, matrix);
    await this.#add('E', matrix);
    blas.release(other);
    blas.release(matrix);
    await this.#add('Q', Q, { cosine: cosines.CQ, diagonal: Q_diagonal });
    const squared = await this.#product(H, H);
    const squares = eigenvalues.map((x) => x * x);
    await this.#add('H2', squared, { diagonal: squares });
    blas.release(squared);
  }

  /** A half's matrices along directions of the other half's H. `scratch` [d, d] is overwritten. */
  async along(spectrum: Spectrum, half: Half, scratch: Real): Promise<void> {
    const selection = decreasing(spectrum);
    const diagonal = async (name: 'G' | 'F' | 'E'): Promise<Float64Array> => {
      await this.#unpack(name, [half], scratch);
      return averageClusters(selection, await diagonalOf(this.#pool, spectrum, scratch));
    };
    const [G, F, E] = [await diagonal('G'), await diagonal('F'), await diagonal('E')];
    const { layout, sums, sizes } = this.#input.moments;
    const { inner, outer, blocks } = layout;
    const factor = 1 / sizes[half];
    await unpackSum(this.#pool, {
      inner,
      outer,
      sums: [sums[half]],
      block: 0,
      blocks,
      factor,
      mean: null,
      out: scratch,
    });
    const product = await this.#product(spectrum.vectors, scratch);
    const d = this.#d;
    // Row i of the ascending spectrum is direction d - 1 - i.
    const H2 = averageClusters(
      selection,
      Float64Array.from(selection, (_, i) => sumOfSquares(product, (d - 1 - i) * d, d)),
    );
    this.#pool.blas.release(product);
    this.#crossed.push({ G, F, E, H2 });
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
    const crossedOf = (name: ComparedMatrix): readonly [Float64Array, Float64Array] => {
      const pick = (half: 0 | 1): Float64Array =>
        name === 'H' || name === 'Q' ? crossFitted[half][name] : this.#crossed[half][name];
      return [pick(0), pick(1)];
    };
    const compared = this.#whole.map((each): Compared => {
      const matrixSums = sums[each.name];
      return { ...each, crossed: crossedOf(each.name), sums: matrixSums };
    });
    const summary = await assumptionColumns(this.#pool, {
      compared,
      identities: this.#identities,
      within: 'whole',
      trainingSet,
      crossFitted,
      floors,
      samples: moments.order.length,
      seed,
      projections,
    });
    const diagonal = (name: ComparedMatrix): Float64Array => compared.find((each) => each.name === name)!.diagonal;
    return {
      summary,
      arrays: { G_diagonal: diagonal('G'), F_diagonal: diagonal('F'), E_diagonal: diagonal('E') },
    };
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
    const G = await this.#gaussNewtonSums(projections, directions);
    return {
      H: three((set) => sets[set].sums.curvature),
      Q: three((set) => sets[set].sums.squaredCurvature),
      E: three((set) =>
        empiricalFisherSums(sets[set], projectedGradient(layout, directions[set], gradient), sizes[set]),
      ),
      G,
      F: G,
    };
  }

  async #gaussNewtonSums(
    { blocks }: BlockProjections,
    directions: readonly [DirectionMatrix, DirectionMatrix, DirectionMatrix],
  ): Promise<MatrixSums> {
    const { layout, order } = this.#input.moments;
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
    // E: the sum behind C, without its mean.
    const from =
      name === 'E'
        ? { of: sums, block: 2, blocks: layout.blocks }
        : { of: this.#sums, block: name === 'F' ? 0 : 1, blocks: 2 };
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

  async #add(
    name: ComparedMatrix,
    matrix: Real,
    known: { readonly cosine?: number; readonly diagonal?: Float64Array } = {},
  ): Promise<void> {
    const { spectrum, C } = this.#input;
    const diagonal =
      known.diagonal ?? averageClusters(decreasing(spectrum), await diagonalOf(this.#pool, spectrum, matrix));
    this.#whole.push({
      name,
      cosine: known.cosine ?? (await cosines(this.#pool, C, matrix, matrix)).CH,
      ratio: await measureCommutator(this.#pool, this.#d, C, matrix),
      baseline: await this.#baseline(spectrum, matrix),
      diagonal,
    });
  }

  /** left times right, both [d, d]; release when done. */
  async #product(left: Real, right: Real): Promise<Real> {
    const d = this.#d;
    const out = this.#pool.allocate('float64', d * d);
    const tasks: Promise<void>[] = [];
    for (let from = 0; from < d; from += pieceSize) {
      const to = Math.min(from + pieceSize, d);
      tasks.push(
        this.#pool.run(rowsProductTask, {
          d,
          rows: this.#pool.reference(left.subarray(from * d, to * d)),
          count: to - from,
          matrix: this.#pool.reference(right),
          out: this.#pool.reference(out.subarray(from * d, to * d)),
        }),
      );
    }
    await Promise.all(tasks);
    return out;
  }

  #baseline({ vectors, eigenvalues }: Spectrum, other: Real | null): Promise<RotationBaseline> {
    const { C, seed } = this.#input;
    return rotationBaseline(this.#pool, {
      d: this.#d,
      matrix: C,
      vectors,
      eigenvalues,
      other: other ?? undefined,
      seed,
    });
  }
}
