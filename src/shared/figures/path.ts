/**
 * Outlines as flat arrays of numbers: an operation code followed by its coordinates. Compact, serialisable, easy to transform.
 *   M x y | L x y | Q cx cy x y | C c1x c1y c2x c2y x y | Z
 */
export type PathData = readonly number[];

export const M = 0;
export const L = 1;
export const Q = 2;
export const C = 3;
export const Z = 4;

/** Coordinates that follow each operation code. */
export const coordinatesOf = [2, 2, 4, 6, 0] as const;

/** An affine map [a, b, c, d, e, f]: x' = a x + c y + e, y' = b x + d y + f (the order of SVG and PDF). */
export type Transform = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/** The map that applies `inner` first and `outer` after it. */
export function compose(outer: Transform, inner: Transform): Transform {
  const [a, b, c, d, e, f] = outer;
  return [
    a * inner[0] + c * inner[1],
    b * inner[0] + d * inner[1],
    a * inner[2] + c * inner[3],
    b * inner[2] + d * inner[3],
    a * inner[4] + c * inner[5] + e,
    b * inner[4] + d * inner[5] + f,
  ];
}

export function transformed(matrix: Transform, x: number, y: number): [number, number] {
  return [matrix[0] * x + matrix[2] * y + matrix[4], matrix[1] * x + matrix[3] * y + matrix[5]];
}

export function transformPath(path: PathData, matrix: Transform): number[] {
  const out: number[] = [];
  for (let k = 0; k < path.length;) {
    const op = path[k++];
    out.push(op);
    for (let left = coordinatesOf[op as 0]; left > 0; left -= 2, k += 2)
      out.push(...transformed(matrix, path[k], path[k + 1]));
  }
  return out;
}

/** A number as short as it can be at `digits` decimals: no trailing zeros, no leading zero lost, never "-0". */
export function short(value: number, digits = 3): string {
  if (!Number.isFinite(value)) throw new Error(`a coordinate is not finite: ${value}`);
  const text = value.toFixed(digits);
  if (!text.includes('.')) return text === '-0' ? '0' : text;
  const trimmed = text.replace(/\.?0+$/, '');
  return trimmed === '-0' ? '0' : trimmed;
}

const letters = ['M', 'L', 'Q', 'C', 'Z'];

/** The `d` attribute of an SVG path. */
export function toSvg(path: PathData, digits = 3): string {
  let out = '';
  for (let k = 0; k < path.length;) {
    const op = path[k++];
    out += letters[op];
    for (let n = coordinatesOf[op as 0], i = 0; i < n; i++) out += (i > 0 ? ' ' : '') + short(path[k++], digits);
  }
  return out;
}

export interface Bounds {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** The box of the control points: it holds the outline. Undefined for an empty path. */
export function boundsOf(path: PathData): Bounds | undefined {
  let left = Infinity;
  let top = Infinity;
  let right = -Infinity;
  let bottom = -Infinity;
  for (let k = 0; k < path.length;) {
    const op = path[k++];
    for (let left2 = coordinatesOf[op as 0]; left2 > 0; left2 -= 2, k += 2) {
      left = Math.min(left, path[k]);
      right = Math.max(right, path[k]);
      top = Math.min(top, path[k + 1]);
      bottom = Math.max(bottom, path[k + 1]);
    }
  }
  return left <= right ? { left, top, right, bottom } : undefined;
}

/** A rectangle as a path. */
export function rectangle(x: number, y: number, width: number, height: number): number[] {
  return [M, x, y, L, x + width, y, L, x + width, y + height, L, x, y + height, Z];
}

/** Four cubic arcs within 3e-4 of the radius of a true circle. */
export function circle(x: number, y: number, radius: number): number[] {
  const k = 0.5522847498 * radius;
  const r = radius;
  return [
    ...[M, x + r, y, C, x + r, y + k, x + k, y + r, x, y + r, C, x - k, y + r, x - r, y + k, x - r, y],
    ...[C, x - r, y - k, x - k, y - r, x, y - r, C, x + k, y - r, x + r, y - k, x + r, y, Z],
  ];
}

/** An open polyline through the points; a NaN breaks it. */
export function polyline(x: ArrayLike<number>, y: ArrayLike<number>): number[] {
  const out: number[] = [];
  let open = false;
  for (let k = 0; k < x.length; k++) {
    if (!(Number.isFinite(x[k]) && Number.isFinite(y[k]))) {
      open = false;
      continue;
    }
    out.push(open ? L : M, x[k], y[k]);
    open = true;
  }
  return out;
}
