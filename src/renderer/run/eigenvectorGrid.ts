/** Where the entries of an eigenvector stand in its picture. */

export interface EntryGrid {
  readonly rows: number;
  readonly columns: number;
  /** Number of the entry at a cell, row-major in the parameter's shape; -1: a gap between tiles. */
  readonly entryAt: (row: number, column: number) => number;
  readonly rowName: string;
  readonly columnName: string;
}

/**
 * Dense kernels [in, out] as they are (lying down where they are much taller than wide); kernels of convolutions [kh, kw, in, out] as tiles of kh x kw, one row of
 * tiles an input channel; a vector wrapped into lines.
 */
export function gridOf(shape: readonly number[]): EntryGrid {
  if (shape.length === 4) {
    const [kh, kw, inner, outer] = shape as readonly [number, number, number, number];
    return {
      rows: inner * (kh + 1) - 1,
      columns: outer * (kw + 1) - 1,
      entryAt: (row, column) => {
        const [y, x] = [row % (kh + 1), column % (kw + 1)];
        if (y === kh || x === kw) return -1;
        const [i, o] = [Math.floor(row / (kh + 1)), Math.floor(column / (kw + 1))];
        return ((y * kw + x) * inner + i) * outer + o;
      },
      rowName: 'input channels',
      columnName: 'filters',
    };
  }
  if (shape.length === 1) {
    const [n] = shape as readonly [number];
    const columns = Math.ceil(Math.sqrt(n));
    return {
      rows: Math.ceil(n / columns),
      columns,
      entryAt: (row, column) => (row * columns + column < n ? row * columns + column : -1),
      rowName: 'lines of weights',
      columnName: 'weights',
    };
  }
  const outer = shape.at(-1) ?? 1;
  const inner = shape.slice(0, -1).reduce((product, size) => product * size, 1);
  if (inner > 2 * outer) {
    return {
      rows: outer,
      columns: inner,
      entryAt: (row, column) => column * outer + row,
      rowName: 'outputs',
      columnName: 'inputs',
    };
  }
  return {
    rows: inner,
    columns: outer,
    entryAt: (row, column) => row * outer + column,
    rowName: 'inputs',
    columnName: 'outputs',
  };
}

/** 1 / sum v^4 of a vector of length 1. */
export function participation(values: ArrayLike<number>): number {
  let sum = 0;
  for (let j = 0; j < values.length; j++) sum += values[j] ** 4;
  return 1 / sum;
}
