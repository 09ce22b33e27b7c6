/**
 * Numbers a + b e1 + c e2 + d e1 e2 with e1^2 = e2^2 = 0: a function of x + e1 + e2 carries f, f' (twice) and f'' without any truncation
 * (Fike & Alonso 2011). The oracle's own arithmetic: it shares nothing with the rest of src/engine.
 */
export interface HyperDual {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
}

export const constant = (a: number): HyperDual => ({ a, b: 0, c: 0, d: 0 });

export const add = (x: HyperDual, y: HyperDual): HyperDual => ({
  a: x.a + y.a,
  b: x.b + y.b,
  c: x.c + y.c,
  d: x.d + y.d,
});

export const subtract = (x: HyperDual, y: HyperDual): HyperDual => ({
  a: x.a - y.a,
  b: x.b - y.b,
  c: x.c - y.c,
  d: x.d - y.d,
});

export const multiply = (x: HyperDual, y: HyperDual): HyperDual => ({
  a: x.a * y.a,
  b: x.a * y.b + x.b * y.a,
  c: x.a * y.c + x.c * y.a,
  d: x.a * y.d + x.b * y.c + x.c * y.b + x.d * y.a,
});

/** f(x) from the value and the first two derivatives of f at x.a. */
export const apply = (x: HyperDual, f: number, first: number, second: number): HyperDual => ({
  a: f,
  b: first * x.b,
  c: first * x.c,
  d: first * x.d + second * x.b * x.c,
});

export const exp = (x: HyperDual): HyperDual => {
  const e = Math.exp(x.a);
  return apply(x, e, e, e);
};

export const log = (x: HyperDual): HyperDual => apply(x, Math.log(x.a), 1 / x.a, -1 / (x.a * x.a));

export const scale = (x: HyperDual, factor: number): HyperDual => ({
  a: factor * x.a,
  b: factor * x.b,
  c: factor * x.c,
  d: factor * x.d,
});

/** 1 / sqrt(x), x > 0. */
export const inverseRoot = (x: HyperDual): HyperDual => {
  const y = 1 / Math.sqrt(x.a);
  return apply(x, y, (-0.5 * y) / x.a, (0.75 * y) / (x.a * x.a));
};

export const reciprocal = (x: HyperDual): HyperDual => apply(x, 1 / x.a, -1 / x.a ** 2, 2 / x.a ** 3);
