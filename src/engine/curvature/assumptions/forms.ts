/**
 * What the outputs of samples give along the directions v_i: v_i . G_p v_j and v_i . F_p v_j, from the derivatives y_pi of the outputs of sample p along v_i and S_p, the loss's
 * second derivative at the outputs,
 *   v_i . G_p v_j = y_pi . S_p y_pj,   v_i . F_p v_j = sum_c w_c (s_pc . y_pi) (s_pc . y_pj)   (s_pc: dl/dy for target c; w_c as in factors.ts).
 * All of it in float64.
 */
import type { Backend, Tensor } from '../../backend/types.ts';
import { dataOf } from '../../backend/cpu.ts';
import type { Blas, Real } from '../../blas/types.ts';
import type { Network } from '../../network/network.ts';

/** The loss at the outputs of a chunk of samples. */
export interface LossAtOutputs {
  /** K: numbers of a sample's output, in rows of `width`: for classes the probabilities of a row sum to 1. */
  readonly size: number;
  readonly width: number;
  readonly isClasses: boolean;
  /** w [count * K], and the weight of each row's own loss; null: 1. */
  readonly weights: Real;
  readonly mass: Real | null;
}

/** After `loss.gradient` of these outputs. */
export function lossAt(network: Network, backend: Backend, outputs: Tensor): LossAtOutputs {
  const { loss } = network;
  const isClasses = loss.type === 'cross-entropy';
  const { weights, mass } = loss.weights(backend, outputs);
  return {
    size: network.outputSize,
    // Classes of one row (a position of a sequence).
    width: isClasses ? loss.width : network.outputSize,
    isClasses,
    weights: dataOf(weights),
    mass: mass === null ? null : dataOf(mass),
  };
}

/** Sums over samples: rows of the diagonals [rows, k], and the matrices [k, k] where they are wanted. */
export interface FormSums {
  readonly G: Float64Array;
  readonly F: Float64Array;
  readonly matrices: { readonly G: Real; readonly F: Real } | null;
}

/** [count, k, K] each: sqrt(w_c) s_pc . y_pi, and S_p y_pi. */
export interface FormScratch {
  readonly scores: Real;
  readonly curved: Real;
}

/**
 * Adds what the samples of a chunk give.
 * @param moved y_pi [count, k, K], from `blas`
 * @param rowOf the row of the diagonals that sample p of the chunk belongs to
 */
export function addForms(
  blas: Blas,
  sums: FormSums,
  { size: K, width, isClasses, weights, mass }: LossAtOutputs,
  moved: Real,
  { scores, curved }: FormScratch,
  count: number,
  k: number,
  rowOf: (p: number) => number,
): void {
  for (let p = 0; p < count; p++) {
    const row = rowOf(p) * k;
    for (let i = 0; i < k; i++) {
      const offset = (p * k + i) * K;
      let [g, f] = [0, 0];
      for (let first = 0; first < K; first += width) {
        let mean = 0;
        if (isClasses) for (let c = first; c < first + width; c++) mean += weights[p * K + c] * moved[offset + c];
        const scale = mass?.[(p * K + first) / width] ?? 1;
        for (let c = first; c < first + width; c++) {
          // s_pc = q - e_c for classes, e_c else; w_c of their probabilities or the loss's own curvature.
          const weight = scale * weights[p * K + c];
          const y = moved[offset + c] - mean;
          const [curve, score] = [weight * y, Math.sqrt(weight) * (isClasses ? -y : y)];
          curved[offset + c] = curve;
          scores[offset + c] = score;
          g += moved[offset + c] * curve;
          f += score * score;
        }
      }
      sums.G[row + i] += g;
      sums.F[row + i] += f;
    }
    if (sums.matrices === null) continue;
    const part = (values: Real): Real => values.subarray(p * k * K, (p + 1) * k * K);
    blas.gemm(false, true, k, k, K, 1, part(moved), K, part(curved), K, 1, sums.matrices.G, k);
    blas.gemm(false, true, k, k, K, 1, part(scores), K, part(scores), K, 1, sums.matrices.F, k);
  }
}
