/** Made-up samples along known directions, and slow versions of what the bootstrap computes from their blocks. */
import {
  chooseDirections,
  emptySums,
  fitByCutoff,
  fitCrossFitted,
  planBlocks,
  type BlockProjections,
  type ChosenDirections,
  type Diagonals,
  type ProjectedDirections,
  type ProjectionSums,
  type Triple,
} from '../../../src/engine/statistics/index.ts';
import type { Random } from '../../../src/shared/random.ts';

/** Samples with independent noise along k directions, and a factor that all directions of a sample share. */
export interface SampleModel {
  readonly samples: number;
  readonly blocksPerQuarter: number;
  /** Standard deviation of the logarithm of the factor: the tail. */
  readonly common: number;
  /** Standard deviation of the logarithm of a sample's own v . h_p v around H_ii. */
  readonly own: number;
}

/** H over `decades`, C = H^gamma, Q = H^gammaQ, each with the given scatter (natural logarithm). */
export function population(
  random: Random,
  k: number,
  decades: number,
  gamma: number,
  gammaQ: number,
  scatter = 0,
): Triple {
  const H = Float64Array.from({ length: k }, (_, i) => 10 ** ((-decades * i) / (k - 1)));
  const power = (exponent: number) => H.map((h) => h ** exponent * Math.exp(scatter * random.normal()));
  return { H, C: power(gamma), Q: power(gammaQ) };
}

/** v . h_p v, |h_p v|^2 and g_p . v with means H, Q and variance C, summed over blocks; the same directions for both estimands. */
export function drawProjections(random: Random, model: SampleModel, truth: Triple): BlockProjections {
  const half = model.samples / 2;
  const blocks = planBlocks([half, half], model.blocksPerQuarter);
  const k = truth.H.length;
  const sums = emptySums(blocks.length, k);
  const scale = Math.exp((-model.own * model.own) / 2);
  const root = truth.C.map(Math.sqrt);
  blocks.forEach(({ start, end }, row) => {
    for (let p = start; p < end; p++) {
      const factor = Math.exp(model.common * random.normal() - model.common ** 2 / 2);
      const rootFactor = Math.sqrt(factor);
      for (let i = 0, at = row * k; i < k; i++, at++) {
        const g = root[i] * rootFactor * random.normal();
        sums.curvature[at] += truth.H[i] * factor * scale * Math.exp(model.own * random.normal());
        sums.squaredCurvature[at] += truth.Q[i] * factor * scale * Math.exp(model.own * random.normal());
        sums.gradient[at] += g;
        sums.squaredGradient[at] += g * g;
      }
    }
  });
  return sameDirections(blocks, sums, chooseDirections(truth.H, { count: Math.max(k, 3) }));
}

export function sameDirections(
  blocks: BlockProjections['blocks'],
  sums: ProjectionSums,
  directions: ChosenDirections,
): BlockProjections {
  const inA = blocks.filter((block) => block.quarter < 2).length;
  return {
    blocks,
    training_set: { directions, sums },
    cross_fitted: [
      { directions, sums: rowsOf(sums, inA, blocks.length, directions) },
      { directions, sums: rowsOf(sums, 0, inA, directions) },
    ],
  };
}

function rowsOf(sums: ProjectionSums, start: number, end: number, directions: ChosenDirections): ProjectionSums {
  const k = directions.indices.length;
  const cut = (array: Float64Array) => array.slice(start * k, end * k);
  return {
    curvature: cut(sums.curvature),
    squaredCurvature: cut(sums.squaredCurvature),
    gradient: cut(sums.gradient),
    squaredGradient: cut(sums.squaredGradient),
  };
}

/** H, C and Q along directions from blocks `rows`, each counting `weight(row)` times, by their definitions. */
export function diagonalsOf(
  { directions, sums }: ProjectedDirections,
  sizes: readonly number[],
  rows: readonly number[],
  weight: (row: number) => number = () => 1,
): Triple {
  const k = directions.indices.length;
  const samples = rows.reduce((sum, row) => sum + weight(row) * sizes[row], 0);
  const mean = (array: Float64Array) =>
    Float64Array.from(
      { length: k },
      (_, i) => rows.reduce((sum, row) => sum + weight(row) * array[row * k + i], 0) / samples,
    );
  const gradient = mean(sums.gradient);
  return {
    H: mean(sums.curvature),
    C: mean(sums.squaredGradient).map((value, i) => value - gradient[i] ** 2),
    Q: mean(sums.squaredCurvature),
  };
}

export const floors = { H: 0, C: 0, Q: 0 };
export const range = (start: number, end: number) => Array.from({ length: end - start }, (_, i) => start + i);

/** Independent route: diagonals by their definition, fits by src/shared/cutoffs.ts (itself held against elimination and listing). */
function diagonals(
  projected: ProjectedDirections,
  sizes: number[],
  parts: number[][],
  weight?: (row: number) => number,
): Diagonals {
  const of = (rows: number[]) => diagonalsOf(projected, sizes, rows, weight);
  const selection = projected.directions.selection;
  return {
    selection,
    ...of(parts.flat()),
    ...(parts.length === 2 && { parts: [of(parts[0]), of(parts[1])] as const }),
  };
}

/** Fits of both estimands with each block counting `weight` times. */
export function directFits(
  projections: BlockProjections,
  cutoffs: readonly number[],
  weight: (block: number) => number = () => 1,
) {
  const sizes = projections.blocks.map((block) => block.end - block.start);
  const [a1, a2, b1, b2] = [0, 1, 2, 3].map((quarter) =>
    range(0, sizes.length).filter((row) => projections.blocks[row].quarter === quarter),
  ) as [number[], number[], number[], number[]];
  const inA = a2.at(-1) + 1;
  const moved = (rows: number[]) => rows.map((row) => row - inA);
  return {
    training_set: fitByCutoff(
      diagonals(projections.training_set, sizes, [range(0, sizes.length)], weight),
      floors,
      cutoffs,
    ),
    cross_fitted: fitCrossFitted(
      [
        diagonals(projections.cross_fitted[0], sizes.slice(inA), [moved(b1), moved(b2)], (row) => weight(row + inA)),
        diagonals(projections.cross_fitted[1], sizes.slice(0, inA), [a1, a2], weight),
      ],
      floors,
      cutoffs,
    ),
  };
}
