/** Symmetric matrices that an eigensolver can fail on, with their eigenvalues where these have a closed form. */
import { Random } from '../../../src/shared/random.ts';
import type { Symmetric } from './wasm-support.ts';

export interface Case {
  readonly name: string;
  readonly n: number;
  readonly build: () => Symmetric;
  /** Ascending. */
  readonly eigenvalues?: () => number[];
}

function fill(n: number, entry: (i: number, j: number) => number): Symmetric {
  const a = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) a[i * n + j] = a[j * n + i] = entry(i, j);
  return a;
}

function tridiagonal(diagonal: readonly number[], coupling: readonly number[]): Symmetric {
  return fill(diagonal.length, (i, j) => (i === j ? diagonal[i] : i === j + 1 ? coupling[j] : 0));
}

const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const ascending = (values: number[]): number[] => [...values].sort((a, b) => a - b);

function random(n: number, seed: number): Symmetric {
  const draw = new Random(seed, 'symmetric');
  return fill(n, () => draw.normal());
}

/** X^T X for X [rows, n] of normal numbers: n - rows eigenvalues are zero. */
function gram(n: number, rows: number, seed: number): Symmetric {
  const draw = new Random(seed, 'gram');
  const x = Float64Array.from({ length: rows * n }, () => draw.normal());
  return fill(n, (i, j) => {
    let sum = 0;
    for (let r = 0; r < rows; r++) sum += x[r * n + i] * x[r * n + j];
    return sum;
  });
}

/** Q diag(values) Q^T, Q a product of three random reflections: dense, with these eigenvalues to rounding. */
function withEigenvalues(values: readonly number[], seed: number): Symmetric {
  const n = values.length;
  const draw = new Random(seed, 'reflections');
  const a = fill(n, (i, j) => (i === j ? values[i] : 0));
  for (let reflection = 0; reflection < 3; reflection++) {
    const v = Float64Array.from({ length: n }, () => draw.normal());
    const length = Math.sqrt(v.reduce((sum, x) => sum + x * x, 0));
    for (let i = 0; i < n; i++) v[i] = v[i] / length;
    const av = v.map((_, i) => v.reduce((sum, x, j) => sum + a[i * n + j] * x, 0));
    const vav = v.reduce((sum, x, i) => sum + x * av[i], 0);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) a[i * n + j] += 4 * vav * v[i] * v[j] - 2 * (v[i] * av[j] + av[i] * v[j]);
    }
  }
  return fill(n, (i, j) => a[i * n + j]);
}

/** Wilkinson's W+ of odd size m: pairs of eigenvalues that agree to many digits. */
const wilkinson = (m: number): [number[], number[]] => [
  range(m).map((i) => Math.abs(i - (m - 1) / 2)),
  Array<number>(m - 1).fill(1),
];

/** Copies of W+ coupled by `glue`. */
function glued(copies: number, m: number, glue: number): Symmetric {
  const [diagonal, coupling] = wilkinson(m);
  const d = range(copies).flatMap(() => diagonal);
  const e = range(copies).flatMap((copy) => (copy < copies - 1 ? [...coupling, glue] : coupling));
  return tridiagonal(d, e);
}

const decades = (n: number, count: number): number[] => range(n).map((i) => 10 ** ((-count * i) / (n - 1)));

export const cases: readonly Case[] = [
  ...[1, 2, 3, 4, 5, 7, 31, 32, 33, 63, 64, 65, 66, 97, 129, 300].map((n) => ({
    name: 'random',
    n,
    build: () => random(n, n),
  })),
  { name: 'zero', n: 70, build: () => fill(70, () => 0), eigenvalues: () => range(70).map(() => 0) },
  {
    name: 'identity',
    n: 100,
    build: () => fill(100, (i, j) => (i === j ? 1 : 0)),
    eigenvalues: () => range(100).map(() => 1),
  },
  {
    name: 'diagonal, unsorted',
    n: 75,
    build: () => fill(75, (i, j) => (i === j ? ((i * 37) % 75) - 30 : 0)),
    eigenvalues: () => range(75).map((i) => i - 30),
  },
  {
    name: 'diagonal of two values',
    n: 80,
    build: () => fill(80, (i, j) => (i === j ? i % 2 : 0)),
    eigenvalues: () => ascending(range(80).map((i) => i % 2)),
  },
  {
    name: 'all ones (rank 1)',
    n: 90,
    build: () => fill(90, () => 1),
    eigenvalues: () => [...range(89).map(() => 0), 90],
  },
  { name: 'half of the eigenvalues zero', n: 150, build: () => gram(150, 75, 1) },
  { name: 'nine tenths of the eigenvalues zero', n: 200, build: () => gram(200, 20, 2) },
  {
    name: 'rows and columns of zeros',
    n: 140,
    build: () => {
      const a = gram(140, 100, 3);
      return fill(140, (i, j) => (i % 3 === 0 || j % 3 === 0 ? 0 : a[i * 140 + j]));
    },
  },
  {
    name: 'every eigenvalue tenfold (Kronecker product with the identity)',
    n: 200,
    build: () => {
      const a = gram(20, 30, 4);
      return fill(200, (i, j) => (i % 10 === j % 10 ? a[Math.floor(i / 10) * 20 + Math.floor(j / 10)] : 0));
    },
  },
  {
    name: 'eigenvalues over 15 decades',
    n: 160,
    build: () => withEigenvalues(decades(160, 15), 5),
    eigenvalues: () => ascending(decades(160, 15)),
  },
  {
    name: 'eigenvalues over 30 decades',
    n: 120,
    build: () => withEigenvalues(decades(120, 30), 6),
    eigenvalues: () => ascending(decades(120, 30)),
  },
  {
    name: 'graded diagonal over 200 decades',
    n: 101,
    build: () => fill(101, (i, j) => 10 ** -(i + j) * (i === j ? 1 : 0.1)),
  },
  {
    name: 'projector (eigenvalues 0 and 1)',
    n: 130,
    build: () =>
      withEigenvalues(
        range(130).map((i) => i % 2),
        7,
      ),
    eigenvalues: () => ascending(range(130).map((i) => i % 2)),
  },
  {
    name: 'two signs, each 60-fold',
    n: 120,
    build: () =>
      withEigenvalues(
        range(120).map((i) => (i % 2 ? 1 : -1)),
        8,
      ),
    eigenvalues: () => ascending(range(120).map((i) => (i % 2 ? 1 : -1))),
  },
  {
    name: 'one cluster of width 1e-14',
    n: 110,
    build: () =>
      withEigenvalues(
        range(110).map((i) => 1 + 1e-16 * i),
        9,
      ),
    eigenvalues: () => range(110).map((i) => 1 + 1e-16 * i),
  },
  {
    name: 'second differences',
    n: 257,
    build: () =>
      tridiagonal(
        range(257).map(() => 2),
        range(256).map(() => -1),
      ),
    eigenvalues: () => range(257).map((i) => 4 * Math.sin(((i + 1) * Math.PI) / 516) ** 2),
  },
  {
    name: 'Kac (whole eigenvalues)',
    n: 201,
    build: () =>
      tridiagonal(
        range(201).map(() => 0),
        range(200).map((i) => Math.sqrt((i + 1) * (200 - i))),
      ),
    eigenvalues: () => range(201).map((i) => 2 * i - 200),
  },
  { name: 'Wilkinson', n: 101, build: () => tridiagonal(...wilkinson(101)) },
  { name: 'Wilkinson glued weakly', n: 210, build: () => glued(10, 21, 1e-11) },
  { name: 'Wilkinson glued by the square root of epsilon', n: 210, build: () => glued(10, 21, 1.5e-8) },
  {
    name: 'tridiagonal that falls apart',
    n: 99,
    build: () =>
      tridiagonal(
        range(99).map((i) => Math.sin(i)),
        range(98).map((i) => (i % 7 === 3 ? 0 : Math.cos(i))),
      ),
  },
  {
    name: 'couplings far below epsilon',
    n: 100,
    build: () =>
      tridiagonal(
        range(100).map((i) => i % 5),
        range(99).map(() => 1e-200),
      ),
    eigenvalues: () => ascending(range(100).map((i) => i % 5)),
  },
  {
    name: 'couplings over 300 decades on a zero diagonal',
    n: 150,
    build: () => {
      const draw = new Random(14, 'couplings');
      return tridiagonal(
        range(150).map(() => 0),
        range(149).map(() => 10 ** (-300 * draw.uniform())),
      );
    },
  },
  {
    name: 'negative couplings',
    n: 128,
    build: () =>
      tridiagonal(
        range(128).map((i) => i / 128),
        range(127).map(() => -0.3),
      ),
  },
  { name: 'arrow', n: 120, build: () => fill(120, (i, j) => (i === j ? i / 10 : j === 0 ? 1 : 0)) },
  { name: 'size 1e-300', n: 90, build: () => random(90, 10).map((x) => x * 1e-300) },
  { name: 'size 1e300', n: 90, build: () => random(90, 11).map((x) => x * 1e300) },
  { name: 'subnormal', n: 40, build: () => random(40, 12).map((x) => x * 1e-312) },
  { name: 'one large entry', n: 80, build: () => fill(80, (i, j) => (i === 79 && j === 79 ? 1e20 : 1 / (i + j + 1))) },
  { name: 'Hilbert', n: 60, build: () => fill(60, (i, j) => 1 / (i + j + 1)) },
];

/** Too large to be checked at every size, and large enough that every level of blocking is used. */
export const largeCase: Case = { name: 'half of the eigenvalues zero', n: 700, build: () => gram(700, 350, 13) };
