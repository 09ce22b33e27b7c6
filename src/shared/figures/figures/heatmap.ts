/** Matrices as heatmaps: C and H raw or in the eigenbasis of H, and overlaps of eigenvectors. */
import { integerText, numberText, plainExponent } from '../numbers.ts';
import type { ColourScale, FigureSpec, Heatmap } from '../types.ts';
import { finish, type FigureOptions } from './common.ts';
import { defineFigure } from '../define.ts';
import { cells, choice, leadingRows, number } from '../options.ts';
import { real } from '../../validation.ts';
import type { MatrixInput, OverlapInput } from '../figure-data.ts';

export interface HeatmapOptions extends FigureOptions {
  /**
   * 'symlog' (default): signed logarithm over `decades` decades, linear below; 'linear'; 'log' of the size of the elements, without signs, as stated in
   * the label.
   */
  readonly scale?: 'symlog' | 'linear' | 'log';
  /** Decades that the logarithmic scales span; 4 by default. */
  readonly decades?: number;
  /** Show only the leading block of this many rows; all by default. */
  readonly leading?: number;
  /** The most cells along a side; in a larger matrix each cell shows the element of largest size. 250 by default. */
  readonly cells?: number;
}

/** Blocks of a matrix, each by its element of largest size (with its sign). Returns the matrix as it is where it is small enough. */
export function pooledCells(
  values: ArrayLike<number>,
  stride: number,
  size: number,
  cells: number,
): { size: number; block: number; values: number[] } {
  const block = Math.max(1, Math.ceil(size / cells));
  const out = Math.ceil(size / block);
  const pooledValues = new Array<number>(out * out).fill(0);
  for (let i = 0; i < size; i++) {
    const row = Math.floor(i / block) * out;
    for (let k = 0, j = 0; k < out; k++)
      for (const end = Math.min(size, j + block); j < end; j++) {
        const value = values[i * stride + j];
        if (Number.isNaN(value) || Math.abs(value) > Math.abs(pooledValues[row + k])) pooledValues[row + k] = value;
      }
  }
  return { size: out, block, values: pooledValues };
}

export function matrixHeatmap(matrix: MatrixInput, options: HeatmapOptions = {}): FigureSpec {
  const size = Math.min(options.leading ?? matrix.size, matrix.size);
  if (!(size >= 1) || matrix.values.length < matrix.size ** 2)
    throw new Error(
      `the matrix ${matrix.name} needs ${matrix.size} x ${matrix.size} elements, not ${matrix.values.length}`,
    );
  const pool = pooledCells(matrix.values, matrix.size, size, options.cells ?? 250);
  let largest = 0;
  for (const value of pool.values) if (Math.abs(value) > largest) largest = Math.abs(value);
  if (largest === 0) largest = 1;
  const scale = options.scale ?? 'symlog';
  const least = largest * 10 ** -(options.decades ?? 4);
  const eigen = matrix.basis === 'eigenbasis';
  const element = eigen ? `v_i^{\\top} ${matrix.name}\\, v_j` : `${matrix.name}_{ij}`;
  const colours: ColourScale =
    scale === 'log'
      ? { map: 'sequential', scale, low: least, high: largest, label: `$|${element}|$` }
      : {
          map: 'diverging',
          scale,
          low: -largest,
          high: largest,
          linear: scale === 'symlog' ? least : undefined,
          label: `$${element}$`,
        };
  const heat: Heatmap = {
    kind: 'heatmap',
    name: matrix.name,
    rows: pool.size,
    columns: pool.size,
    values: scale === 'log' ? pool.values.map(Math.abs) : pool.values,
    x: [0.5, size + 0.5],
    y: [0.5, size + 0.5],
    colours,
  };
  const index = eigen ? 'direction' : 'weight';
  const notes =
    pool.block > 1 ? [`each cell shows the element of largest size among ${pool.block} × ${pool.block}`] : [];
  return finish(
    {
      kind: 'matrixHeatmap',
      title: `${matrix.name} ${eigen ? 'in the eigenbasis of H' : 'over the weights'}: ${matrix.parameter}`,
      description: `${matrix.name} of ${matrix.parameter}, ${size === matrix.size ? `${integerText(size)} x ${integerText(size)}` : `its leading ${integerText(size)} of ${integerText(matrix.size)} rows and columns`}, ${eigen ? 'in the eigenbasis of H' : 'element by element'}.`,
      square: true,
      x: { scale: 'linear', label: `${index} $j$`, integers: true },
      y: { scale: 'linear', label: `${index} $i$`, integers: true, reversed: true },
      marks: [heat],
      frameAspect: 1,
      notes,
    },
    options,
  );
}

/** Squared overlaps of two sets of eigenvectors, on a logarithmic scale whose lower end is the mean overlap of random directions, 1 / d. */
export function eigenvectorOverlap(
  overlap: OverlapInput,
  options: FigureOptions & { readonly cells?: number } = {},
): FigureSpec {
  const { size, d, parameter, rows = 'C', columns = 'H' } = overlap;
  if (!(size >= 1) || overlap.values.length < size * size)
    throw new Error(`overlaps need ${size} x ${size} elements, not ${overlap.values.length}`);
  if (!(d >= size)) throw new Error(`${size} directions do not fit into ${d} weights`);
  const pool = pooledCells(overlap.values, size, size, options.cells ?? 250);
  // Below the mean of random directions nothing is told apart.
  const floor = 1 / d;
  const values = pool.values.map((value) => Math.max(value, floor));
  return finish(
    {
      kind: 'eigenvectorOverlap',
      title: `Overlap of eigenvectors of ${rows} and ${columns}: ${parameter}`,
      description: `Squared overlaps of the ${integerText(size)} leading eigenvectors of ${rows} and ${columns} of ${parameter}; random directions would overlap by 1/d = ${numberText(floor, 2)}.`,
      square: true,
      x: { scale: 'linear', label: `eigenvector $j$ of $${columns}$`, integers: true },
      y: { scale: 'linear', label: `eigenvector $i$ of $${rows}$`, integers: true, reversed: true },
      marks: [
        {
          kind: 'heatmap',
          name: 'overlap',
          rows: pool.size,
          columns: pool.size,
          values,
          x: [0.5, size + 0.5],
          y: [0.5, size + 0.5],
          colours: {
            map: 'sequential',
            scale: 'log',
            low: Math.min(floor, 0.1),
            high: 1,
            label: '$|u_i \\cdot v_j|^2$',
          },
        },
      ],
      frameAspect: 1,
      notes: [
        `white: at or below $1/d = ${numberText(floor, 2).replace(/ × 10(.*)/, (_, power: string) => ` \\times 10^{${plainExponent(power)}}`)}$, the mean for random directions`,
        ...(pool.block > 1 ? [`each cell shows the largest of ${pool.block} × ${pool.block}`] : []),
      ],
    },
    options,
  );
}

export const heatmapFigure = defineFigure({
  title: 'Matrix',
  about: 'C, H or Q as a picture, in the eigenbasis of H or over the weights.',
  needs: 'matrix',
  takes: 'measurement',
  options: {
    matrix: choice('Matrix', { C: 'C', H: 'H', Q: 'Q', gauss_newton: 'Gauss–Newton part' }, 'C'),
    basis: choice('Basis', { eigenbasis: 'eigenvectors of H', weights: 'weights' }, 'eigenbasis'),
    scale: choice('Scale', { symlog: 'signed logarithm', linear: 'linear', log: 'logarithm of the size' }, 'symlog'),
    decades: number('Decades of colour', real(0.1, 300), '4'),
    leading: leadingRows,
    cells,
  },
  draw: ({ matrix }, options) => matrixHeatmap(matrix, options),
});

export const overlapFigure = defineFigure({
  title: 'Overlap of eigenvectors',
  about: 'Squared overlaps of the leading eigenvectors of C (or Q) with those of H.',
  needs: 'overlap',
  takes: 'measurement',
  options: { against: choice('Eigenvectors of', { C: 'C', Q: 'Q' }, 'C'), leading: leadingRows, cells },
  draw: ({ overlap }, options) => eigenvectorOverlap(overlap, options),
});
