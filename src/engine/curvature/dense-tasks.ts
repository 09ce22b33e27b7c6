/**
 * Pieces of the large dense computations, each writing or returning its own part (see parallel/pool.ts). Letters: d weights, rows r_i
 * of `vectors` [d, d] the eigenvectors of H.
 */
import type { ArrayReference } from '../blas/types.ts';
import { defineTask, type TaskContext } from '../parallel/task.ts';

/** Columns of one block of the symmetric product. */
const blockWidth = 256;
/** Columns of one block of the commutator. */
const commutatorWidth = 512;

export interface ProductArgument {
  /** [rows, leftWidth] and [rows, rightWidth]. */
  readonly left: ArrayReference;
  readonly right: ArrayReference;
  readonly rows: number;
  readonly leftWidth: number;
  readonly rightWidth: number;
  /** This piece: columns [from, to) of left, which are rows of the sum. */
  readonly from: number;
  readonly to: number;
  /** And the columns [first, end) of right and of the sum. */
  readonly first: number;
  readonly end: number;
  /** [leftWidth, columns]: left^T right is added to it. */
  readonly sum: ArrayReference;
  /** The leading columns of right alone; default all. */
  readonly columns?: number | undefined;
}

export const productTask = defineTask('product', ({ blas }: TaskContext, argument: ProductArgument): void => {
  const { rows, leftWidth, rightWidth, from, to, first, end, columns = rightWidth } = argument;
  const left = blas.open(argument.left).subarray(from);
  const right = blas.open(argument.right).subarray(first);
  const sum = blas.open(argument.sum).subarray(from * columns + first);
  blas.gemm(true, false, to - from, end - first, rows, 1, left, leftWidth, right, rightWidth, 1, sum, columns);
});

export interface EighArgument {
  readonly n: number;
  /** [n, n] -> rows of eigenvectors; [n] -> ascending eigenvalues. */
  readonly matrix: ArrayReference;
  readonly eigenvalues: ArrayReference;
  /** Threads of the library for this call. */
  readonly threads: number;
}

export const eighTask = defineTask('eigh', ({ blas }: TaskContext, argument: EighArgument): void => {
  blas.setThreads(argument.threads);
  try {
    blas.eigh(argument.n, blas.open(argument.matrix) as Float64Array, blas.open(argument.eigenvalues) as Float64Array);
  } finally {
    blas.setThreads(1);
  }
});

export interface QuadraticFormsArgument {
  readonly d: number;
  readonly vectors: ArrayReference;
  /** Symmetric [d, d]. */
  readonly matrix: ArrayReference;
  /** This piece: directions [from, to). */
  readonly from: number;
  readonly to: number;
  /** [d]: entry i receives r_i M r_i^T. */
  readonly out: ArrayReference;
}

/**
 * r_i M r_i^T, from half of M: with M = L + L^T (L lower triangular, its diagonal blocks halved), r M r^T = 2 r L r^T, at half the products.
 */
export const quadraticFormsTask = defineTask(
  'quadraticForms',
  ({ blas }: TaskContext, argument: QuadraticFormsArgument): void => {
    const { d, from, to } = argument;
    const count = to - from;
    const rows = blas.open(argument.vectors).subarray(from * d, to * d);
    const matrix = blas.open(argument.matrix);
    const out = blas.open(argument.out);
    const scratch = blas.allocate('float64', count * blockWidth);
    out.fill(0, from, to);
    for (let start = 0; start < d; start += blockWidth) {
      const width = Math.min(blockWidth, d - start);
      const end = start + width;
      const diagonal = matrix.subarray(start * d + start);
      blas.gemm(false, false, count, width, width, 0.5, rows.subarray(start), d, diagonal, d, 0, scratch, width);
      if (end < d) {
        const below = matrix.subarray(end * d + start);
        blas.gemm(false, false, count, width, d - end, 1, rows.subarray(end), d, below, d, 1, scratch, width);
      }
      for (let i = 0; i < count; i++) {
        let sum = 0;
        for (let j = 0; j < width; j++) sum += scratch[i * width + j] * rows[i * d + start + j];
        out[from + i] += 2 * sum;
      }
    }
    blas.release(scratch);
  },
);

export interface RowsProductArgument {
  readonly d: number;
  /** [count, d], gathered. */
  readonly rows: ArrayReference;
  readonly count: number;
  readonly matrix: ArrayReference;
  /** [count, d]: rows times matrix. */
  readonly out: ArrayReference;
}

export const rowsProductTask = defineTask(
  'rowsProduct',
  ({ blas }: TaskContext, argument: RowsProductArgument): void => {
    const { d, count } = argument;
    const matrix = blas.open(argument.matrix);
    blas.gemm(false, false, count, d, d, 1, blas.open(argument.rows), d, matrix, d, 0, blas.open(argument.out), d);
  },
);

export interface CommutatorArgument {
  readonly d: number;
  /** H and C [d, d], symmetric. */
  readonly left: ArrayReference;
  readonly right: ArrayReference;
  /** This piece: the pairs of blocks (I, J) with I = rows [from, to) and J = I or later. */
  readonly from: number;
  readonly to: number;
}

export interface CommutatorSums {
  /** ||HC||_F^2 and ||HC - CH||_F^2 over the blocks (I, J) and (J, I) of this piece. */
  readonly product: number;
  readonly difference: number;
}

/** With X = HC, CH = X^T: both norms from X alone, block beside mirrored block, without a d x d matrix of its own. */
export const commutatorTask = defineTask(
  'commutator',
  ({ blas }: TaskContext, argument: CommutatorArgument): CommutatorSums => {
    const { d, from, to } = argument;
    const left = blas.open(argument.left);
    const right = blas.open(argument.right);
    const count = to - from;
    const above = blas.allocate('float64', count * commutatorWidth);
    const mirrored = blas.allocate('float64', count * commutatorWidth);
    let product = 0;
    let difference = 0;
    for (let start = from; start < d;) {
      // The block on the diagonal first, by itself.
      const width = start === from ? count : Math.min(commutatorWidth, d - start);
      const [H, C] = [left.subarray(from * d), right.subarray(from * d)];
      blas.gemm(false, false, count, width, d, 1, H, d, right.subarray(start), d, 0, above, width);
      blas.gemm(false, false, count, width, d, 1, C, d, left.subarray(start), d, 0, mirrored, width);
      let [sum, mirroredSum, apart] = [0, 0, 0];
      for (let i = 0; i < count * width; i++) {
        const [x, y] = [above[i], mirrored[i]];
        sum += x * x;
        mirroredSum += y * y;
        apart += (x - y) * (x - y);
      }
      product += start === from ? sum : sum + mirroredSum;
      difference += start === from ? apart : 2 * apart;
      start += width;
    }
    blas.release(above);
    blas.release(mirrored);
    return { product, difference };
  },
);

export interface InnerProductsArgument {
  /** C, H, Q, all of one length; this piece: entries [from, to). */
  readonly C: ArrayReference;
  readonly H: ArrayReference;
  readonly Q: ArrayReference;
  readonly from: number;
  readonly to: number;
}

/** Sums of products of entries: Frobenius inner products. */
export interface InnerProducts {
  readonly CC: number;
  readonly HH: number;
  readonly QQ: number;
  readonly CH: number;
  readonly CQ: number;
}

export const innerProductsTask = defineTask(
  'innerProducts',
  ({ blas }: TaskContext, argument: InnerProductsArgument): InnerProducts => {
    const [C, H, Q] = [blas.open(argument.C), blas.open(argument.H), blas.open(argument.Q)];
    let [CC, HH, QQ, CH, CQ] = [0, 0, 0, 0, 0];
    for (let i = argument.from; i < argument.to; i++) {
      const [c, h, q] = [C[i], H[i], Q[i]];
      CC += c * c;
      HH += h * h;
      QQ += q * q;
      CH += c * h;
      CQ += c * q;
    }
    return { CC, HH, QQ, CH, CQ };
  },
);
