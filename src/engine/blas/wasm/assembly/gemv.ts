/** The product of a matrix and a vector, four rows of A at a time; T is f32 or f64, L = 16 / sizeof(T) elements a vector. */

/** y = alpha op(A) x + beta y; the leading dimension in elements; see `Blas.gemv`. */
export function gemvOf<T>(
  transpose: bool,
  m: i32,
  n: i32,
  alpha: T,
  a: usize,
  lda: i32,
  x: usize,
  beta: T,
  y: usize,
): void {
  const bytes = <usize>lda * sizeof<T>();
  if (transpose) gemvColumns<T>(m, n, alpha, a, bytes, x, beta, y);
  else gemvRows<T>(m, n, alpha, a, bytes, x, beta, y);
}

/** y[m] = alpha A x + beta y. */
function gemvRows<T>(m: i32, n: i32, alpha: T, a: usize, lda: usize, x: usize, beta: T, y: usize): void {
  let i = 0;
  for (; i + 4 <= m; i += 4, a += 4 * lda) fourDots<T>(n, alpha, a, lda, x, beta, y + <usize>i * sizeof<T>());
  for (; i < m; i++, a += lda) update<T>(y + <usize>i * sizeof<T>(), alpha * dot<T>(n, a, x), beta);
}

/** y[n] = alpha A^T x + beta y. */
function gemvColumns<T>(m: i32, n: i32, alpha: T, a: usize, lda: usize, x: usize, beta: T, y: usize): void {
  for (let j: usize = 0; j < <usize>n * sizeof<T>(); j += sizeof<T>()) {
    store<T>(y + j, beta == (0 as T) ? (0 as T) : beta * load<T>(y + j));
  }
  let i = 0;
  for (; i + 4 <= m; i += 4, a += 4 * lda) {
    const from = x + <usize>i * sizeof<T>();
    fourRows<T>(
      n,
      a,
      lda,
      alpha * load<T>(from),
      alpha * load<T>(from, sizeof<T>()),
      alpha * load<T>(from, 2 * sizeof<T>()),
      alpha * load<T>(from, 3 * sizeof<T>()),
      y,
    );
  }
  for (; i < m; i++, a += lda) axpy<T>(n, alpha * load<T>(x + <usize>i * sizeof<T>()), a, y);
}

/** sum_j x_j y_j. */
export function dot<T>(n: i32, x: usize, y: usize): T {
  let s0 = v128.splat<T>(0 as T),
    s1 = s0,
    s2 = s0,
    s3 = s0;
  const end = x + <usize>n * sizeof<T>();
  for (; x + 64 <= end; x += 64, y += 64) {
    s0 = v128.relaxed_madd<T>(v128.load(x), v128.load(y), s0);
    s1 = v128.relaxed_madd<T>(v128.load(x, 16), v128.load(y, 16), s1);
    s2 = v128.relaxed_madd<T>(v128.load(x, 32), v128.load(y, 32), s2);
    s3 = v128.relaxed_madd<T>(v128.load(x, 48), v128.load(y, 48), s3);
  }
  for (; x + 16 <= end; x += 16, y += 16) s0 = v128.relaxed_madd<T>(v128.load(x), v128.load(y), s0);
  let sum = lanes<T>(v128.add<T>(v128.add<T>(s0, s1), v128.add<T>(s2, s3)));
  for (; x < end; x += sizeof<T>(), y += sizeof<T>()) sum += load<T>(x) * load<T>(y);
  return sum;
}

/** y += s x. */
export function axpy<T>(n: i32, s: T, x: usize, y: usize): void {
  const scale = v128.splat<T>(s);
  const end = x + <usize>n * sizeof<T>();
  for (; x + 32 <= end; x += 32, y += 32) {
    v128.store(y, v128.relaxed_madd<T>(scale, v128.load(x), v128.load(y)));
    v128.store(y, v128.relaxed_madd<T>(scale, v128.load(x, 16), v128.load(y, 16)), 16);
  }
  for (; x < end; x += sizeof<T>(), y += sizeof<T>()) store<T>(y, s * load<T>(x) + load<T>(y));
}

export function lanes<T>(v: v128): T {
  if (sizeof<T>() == 8) {
    return <T>(v128.extract_lane<f64>(v, 0) + v128.extract_lane<f64>(v, 1));
  }
  return <T>(
    (v128.extract_lane<f32>(v, 0) +
      v128.extract_lane<f32>(v, 1) +
      (v128.extract_lane<f32>(v, 2) + v128.extract_lane<f32>(v, 3)))
  );
}

function update<T>(y: usize, value: T, beta: T): void {
  store<T>(y, beta == (0 as T) ? value : value + beta * load<T>(y));
}

function fourDots<T>(n: i32, alpha: T, a: usize, lda: usize, x: usize, beta: T, y: usize): void {
  let s0 = v128.splat<T>(0 as T),
    s1 = s0,
    s2 = s0,
    s3 = s0;
  let r0 = a,
    r1 = a + lda,
    r2 = a + 2 * lda,
    r3 = a + 3 * lda;
  const end = x + <usize>n * sizeof<T>();
  for (; x + 16 <= end; x += 16, r0 += 16, r1 += 16, r2 += 16, r3 += 16) {
    const v = v128.load(x);
    s0 = v128.relaxed_madd<T>(v128.load(r0), v, s0);
    s1 = v128.relaxed_madd<T>(v128.load(r1), v, s1);
    s2 = v128.relaxed_madd<T>(v128.load(r2), v, s2);
    s3 = v128.relaxed_madd<T>(v128.load(r3), v, s3);
  }
  let t0 = lanes<T>(s0),
    t1 = lanes<T>(s1),
    t2 = lanes<T>(s2),
    t3 = lanes<T>(s3);
  for (; x < end; x += sizeof<T>(), r0 += sizeof<T>(), r1 += sizeof<T>(), r2 += sizeof<T>(), r3 += sizeof<T>()) {
    const v = load<T>(x);
    t0 += load<T>(r0) * v;
    t1 += load<T>(r1) * v;
    t2 += load<T>(r2) * v;
    t3 += load<T>(r3) * v;
  }
  update<T>(y, alpha * t0, beta);
  update<T>(y + sizeof<T>(), alpha * t1, beta);
  update<T>(y + 2 * sizeof<T>(), alpha * t2, beta);
  update<T>(y + 3 * sizeof<T>(), alpha * t3, beta);
}

function fourRows<T>(n: i32, a: usize, lda: usize, x0: T, x1: T, x2: T, x3: T, y: usize): void {
  const v0 = v128.splat<T>(x0),
    v1 = v128.splat<T>(x1),
    v2 = v128.splat<T>(x2),
    v3 = v128.splat<T>(x3);
  let r0 = a,
    r1 = a + lda,
    r2 = a + 2 * lda,
    r3 = a + 3 * lda;
  const end = y + <usize>n * sizeof<T>();
  for (; y + 16 <= end; y += 16, r0 += 16, r1 += 16, r2 += 16, r3 += 16) {
    let s = v128.load(y);
    s = v128.relaxed_madd<T>(v0, v128.load(r0), s);
    s = v128.relaxed_madd<T>(v1, v128.load(r1), s);
    s = v128.relaxed_madd<T>(v2, v128.load(r2), s);
    s = v128.relaxed_madd<T>(v3, v128.load(r3), s);
    v128.store(y, s);
  }
  for (; y < end; y += sizeof<T>(), r0 += sizeof<T>(), r1 += sizeof<T>(), r2 += sizeof<T>(), r3 += sizeof<T>()) {
    store<T>(y, x0 * load<T>(r0) + x1 * load<T>(r1) + x2 * load<T>(r2) + x3 * load<T>(r3) + load<T>(y));
  }
}
