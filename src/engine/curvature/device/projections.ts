/** Sums over blocks of samples along chosen directions (../block-projections.ts) from a device; rows of at most `level` samples are summed there. */
import type { Tensor } from '../../backend/types.ts';
import type { Real } from '../../blas/types.ts';
import { emptySums, planBlocks } from '../../statistics/index.ts';
import type { BlockProjections, ProjectedDirections, SampleBlock } from '../../statistics/index.ts';
import { projectedGradient } from '../block-projections.ts';
import type { BlockProjectionOptions, DirectionMatrix } from '../block-projections.ts';
import type { FactorLayout } from '../factors.ts';
import { passOn } from './factors.ts';
import type { DeviceProblem, DeviceSession } from './session.ts';

/** Samples that one single-precision sum takes. */
const level = 128;
/** Directions at once. */
const group = 64;

interface Target {
  readonly matrix: DirectionMatrix;
  readonly offsets: Float64Array;
  readonly sums: ProjectedDirections['sums'];
}

/** Directions [first, first + count) of a target on the device: [inner, count * outer], and -g . v_i [1, count]. */
interface Group {
  readonly target: Target;
  readonly first: number;
  readonly count: number;
  readonly columns: Tensor;
  readonly offsets: Tensor;
}

const quantities = ['curvature', 'squaredCurvature', 'gradient', 'squaredGradient'] as const;

/**
 * One pass over all samples. Needs at least 4 samples in each half.
 * @param gaussNewton whether G_p, the Gauss-Newton part, takes the place of h_p
 */
export async function deviceBlockProjections(
  session: DeviceSession,
  options: BlockProjectionOptions,
  gaussNewton = false,
): Promise<BlockProjections> {
  const { layout, sizes, meanGradient, trainingSet, halves } = options;
  const blocks = planBlocks([sizes.A, sizes.B]);
  const firstOfB = blocks.findIndex((block) => block.quarter >= 2);
  const target = (matrix: DirectionMatrix, rows: number): Target => ({
    matrix,
    offsets: projectedGradient(layout, matrix, meanGradient),
    sums: emptySums(rows, matrix.directions.indices.length),
  });
  const all = target(trainingSet, blocks.length);
  const fromA = target(halves[0], blocks.length - firstOfB);
  const fromB = target(halves[1], firstOfB);
  await passHalf(session, options, gaussNewton, blocks.slice(0, firstOfB), [
    { target: all, firstRow: 0 },
    { target: fromB, firstRow: 0 },
  ]);
  await passHalf(session, options, gaussNewton, blocks.slice(firstOfB), [
    { target: all, firstRow: firstOfB },
    { target: fromA, firstRow: 0 },
  ]);
  const result = ({ matrix, sums }: Target): ProjectedDirections => ({ directions: matrix.directions, sums });
  return { blocks, training_set: result(all), cross_fitted: [result(fromA), result(fromB)] };
}

async function passHalf(
  session: DeviceSession,
  { layout, order, signal }: BlockProjectionOptions,
  gaussNewton: boolean,
  blocks: readonly SampleBlock[],
  targets: readonly { readonly target: Target; readonly firstRow: number }[],
): Promise<void> {
  const { outer } = layout;
  const limit = (): number =>
    session.fitting(4 * (6 * group * outer + 8 * outer ** 2), 4 * Math.max(group * outer, outer ** 2));
  await session.run<readonly Group[], readonly Real[]>(blocks[0].start, blocks[blocks.length - 1].end, limit, {
    prepare: ({ backend }) => targets.flatMap(({ target }) => groupsOf(backend, layout, target)),
    enqueue: (problem, groups, start, count) => {
      signal?.throwIfAborted();
      const pass = passOn(problem, layout, order, start, count, gaussNewton);
      const { backend } = problem;
      const pieces = piecesOf(blocks, start, count);
      const selector = backend.from(selectorOf(pieces, start, count), pieces.length, count);
      const norms = backend.rowDot(pass.input, pass.input);
      return Promise.all(
        groups.map((each) =>
          backend.scope(() => backend.read(backend.matmul(selector, alongGroup(problem, each, pass, norms)))),
        ),
      );
    },
    settle: (results, start, count) => {
      const pieces = piecesOf(blocks, start, count);
      let g = 0;
      for (const { target, firstRow } of targets) {
        const k = target.offsets.length;
        for (let first = 0; first < k; first += group, g++) {
          const width = Math.min(group, k - first);
          for (const [row, { block }] of pieces.entries())
            for (const [q, name] of quantities.entries())
              for (let i = 0; i < width; i++)
                target.sums[name][(firstRow + block) * k + first + i] += results[g][(row * 4 + q) * width + i];
        }
      }
    },
    finish: ({ backend }, groups) => {
      for (const { columns, offsets } of groups) for (const tensor of [columns, offsets]) backend.release(tensor);
    },
  });
}

/** [P, 4 * count]: the four quantities of every sample along a group of directions. */
function alongGroup(
  { backend }: DeviceProblem,
  { columns, offsets, count }: Group,
  { input, delta, hessians }: ReturnType<typeof passOn>,
  norms: Tensor,
): Tensor {
  const samples = input.rows;
  const outer = delta.cols;
  // u_pi = V_i^T a_p, one row a pair.
  const u = backend.reshape(backend.matmul(input, columns), samples * count, outer);
  const su = backend.batchMatmul(u, hessians, samples);
  const byPair = (column: Tensor): Tensor => backend.reshape(column, samples, count);
  const curvature = byPair(backend.rowDot(u, su));
  const squared = backend.scaleRows(byPair(backend.rowDot(su, su)), norms);
  const gradient = backend.addRow(byPair(backend.rowDot(u, backend.repeatRows(delta, count))), offsets);
  return backend.concatColumns([curvature, squared, gradient, backend.multiply(gradient, gradient)]);
}

function groupsOf(backend: DeviceProblem['backend'], { inner, outer }: FactorLayout, target: Target): Group[] {
  const k = target.offsets.length;
  const { columns } = target.matrix;
  const groups: Group[] = [];
  for (let first = 0; first < k; first += group) {
    const count = Math.min(group, k - first);
    const values = new Float64Array(inner * count * outer);
    for (let a = 0; a < inner; a++) {
      const from = (a * k + first) * outer;
      values.set(columns.subarray(from, from + count * outer), a * count * outer);
    }
    const offsets = target.offsets.subarray(first, first + count).map((x) => -x);
    groups.push(
      backend.scope(() => ({
        target,
        first,
        count,
        columns: backend.keep(backend.from(values, inner, count * outer)),
        offsets: backend.keep(backend.from(offsets, 1, count)),
      })),
    );
  }
  return groups;
}

/** Runs of at most `level` samples of [start, start + count) within one block each. */
function piecesOf(
  blocks: readonly SampleBlock[],
  start: number,
  count: number,
): { readonly block: number; readonly from: number; readonly to: number }[] {
  const pieces: { block: number; from: number; to: number }[] = [];
  for (const [block, { start: first, end }] of blocks.entries()) {
    const last = Math.min(end, start + count);
    for (let from = Math.max(first, start); from < last; from += level)
      pieces.push({ block, from, to: Math.min(from + level, last) });
  }
  return pieces;
}

/** [pieces, count]: 1 if a sample belongs to a piece. */
function selectorOf(pieces: ReturnType<typeof piecesOf>, start: number, count: number): Float32Array {
  const selector = new Float32Array(pieces.length * count);
  for (const [row, { from, to }] of pieces.entries())
    selector.fill(1, row * count + from - start, row * count + to - start);
  return selector;
}
