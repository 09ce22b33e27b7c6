/**
 * Elementwise maps and copies on arrays of the shared memory, for the network passes that run between the matrix products. `double` chooses the
 * element type: f64, else f32. `n` counts elements; pointers are bytes. `out` may be an argument of its own except where it says so.
 */

/** out = max(z, 0); NaN stays NaN. */
export function relu(double: bool, n: i32, z: usize, out: usize): void {
  if (double) reluOf<f64>(n, z, out);
  else reluOf<f32>(n, z, out);
}

function reluOf<T>(n: i32, z: usize, out: usize): void {
  const zero = v128.splat<T>(0 as T);
  const end = z + vectorBytes<T>(n);
  for (; z < end; z += 16, out += 16) v128.store(out, v128.max<T>(v128.load(z), zero));
  for (const last = end + restBytes<T>(n); z < last; z += sizeof<T>(), out += sizeof<T>()) {
    store<T>(out, max<T>(load<T>(z), 0 as T));
  }
}

/** out = dy where z > 0, else 0. */
export function reluBackward(double: bool, n: i32, z: usize, dy: usize, out: usize): void {
  if (double) reluBackwardOf<f64>(n, z, dy, out);
  else reluBackwardOf<f32>(n, z, dy, out);
}

function reluBackwardOf<T>(n: i32, z: usize, dy: usize, out: usize): void {
  const zero = v128.splat<T>(0 as T);
  const end = z + vectorBytes<T>(n);
  for (; z < end; z += 16, dy += 16, out += 16) {
    v128.store(out, v128.and(v128.load(dy), v128.gt<T>(v128.load(z), zero)));
  }
  for (const last = end + restBytes<T>(n); z < last; z += sizeof<T>(), dy += sizeof<T>(), out += sizeof<T>()) {
    store<T>(out, load<T>(z) > (0 as T) ? load<T>(dy) : (0 as T));
  }
}

/** out = x + y. */
export function add(double: bool, n: i32, x: usize, y: usize, out: usize): void {
  if (double) addOf<f64>(n, x, y, out);
  else addOf<f32>(n, x, y, out);
}

function addOf<T>(n: i32, x: usize, y: usize, out: usize): void {
  const end = x + vectorBytes<T>(n);
  for (; x < end; x += 16, y += 16, out += 16) v128.store(out, v128.add<T>(v128.load(x), v128.load(y)));
  for (const last = end + restBytes<T>(n); x < last; x += sizeof<T>(), y += sizeof<T>(), out += sizeof<T>()) {
    store<T>(out, load<T>(x) + load<T>(y));
  }
}

/** out = x - y. */
export function subtract(double: bool, n: i32, x: usize, y: usize, out: usize): void {
  if (double) subtractOf<f64>(n, x, y, out);
  else subtractOf<f32>(n, x, y, out);
}

function subtractOf<T>(n: i32, x: usize, y: usize, out: usize): void {
  const end = x + vectorBytes<T>(n);
  for (; x < end; x += 16, y += 16, out += 16) v128.store(out, v128.sub<T>(v128.load(x), v128.load(y)));
  for (const last = end + restBytes<T>(n); x < last; x += sizeof<T>(), y += sizeof<T>(), out += sizeof<T>()) {
    store<T>(out, load<T>(x) - load<T>(y));
  }
}

/** out = x * y. */
export function multiply(double: bool, n: i32, x: usize, y: usize, out: usize): void {
  if (double) multiplyOf<f64>(n, x, y, out);
  else multiplyOf<f32>(n, x, y, out);
}

function multiplyOf<T>(n: i32, x: usize, y: usize, out: usize): void {
  const end = x + vectorBytes<T>(n);
  for (; x < end; x += 16, y += 16, out += 16) v128.store(out, v128.mul<T>(v128.load(x), v128.load(y)));
  for (const last = end + restBytes<T>(n); x < last; x += sizeof<T>(), y += sizeof<T>(), out += sizeof<T>()) {
    store<T>(out, load<T>(x) * load<T>(y));
  }
}

/** out = alpha * x. */
export function scale(double: bool, n: i32, alpha: f64, x: usize, out: usize): void {
  if (double) scaleOf<f64>(n, alpha, x, out);
  else scaleOf<f32>(n, <f32>alpha, x, out);
}

function scaleOf<T>(n: i32, alpha: T, x: usize, out: usize): void {
  const factor = v128.splat<T>(alpha);
  const end = x + vectorBytes<T>(n);
  for (; x < end; x += 16, out += 16) v128.store(out, v128.mul<T>(factor, v128.load(x)));
  for (const last = end + restBytes<T>(n); x < last; x += sizeof<T>(), out += sizeof<T>()) {
    store<T>(out, alpha * load<T>(x));
  }
}

/** y = alpha * x + beta * y. */
export function blend(double: bool, n: i32, alpha: f64, x: usize, beta: f64, y: usize): void {
  if (double) blendOf<f64>(n, alpha, x, beta, y);
  else blendOf<f32>(n, <f32>alpha, x, <f32>beta, y);
}

function blendOf<T>(n: i32, alpha: T, x: usize, beta: T, y: usize): void {
  const factor = v128.splat<T>(alpha);
  const keep = v128.splat<T>(beta);
  const end = x + vectorBytes<T>(n);
  for (; x < end; x += 16, y += 16) {
    v128.store(y, v128.add<T>(v128.mul<T>(factor, v128.load(x)), v128.mul<T>(keep, v128.load(y))));
  }
  for (const last = end + restBytes<T>(n); x < last; x += sizeof<T>(), y += sizeof<T>()) {
    store<T>(y, alpha * load<T>(x) + beta * load<T>(y));
  }
}

/** Every one of `rows` rows of out = row, `bytes` long (a multiple of 4). `out` may not be `row`. */
export function repeatRow(rows: i32, bytes: i32, row: usize, out: usize): void {
  for (let p = 0; p < rows; p++, out += bytes) copy(row, out, bytes);
}

/** Row a of out = the row of the table with the number that stands at indices + 4 a; rows of `bytes` bytes (a multiple of 4). */
export function gatherRows(count: i32, bytes: i32, table: usize, indices: usize, out: usize): void {
  for (let a = 0; a < count; a++, indices += 4, out += bytes) {
    copy(table + <usize>load<u32>(indices) * bytes, out, bytes);
  }
}

/** Copies a multiple of 4 bytes. */
export function copy(from: usize, to: usize, bytes: usize): void {
  const end = from + (bytes & ~15);
  for (; from < end; from += 16, to += 16) v128.store(to, v128.load(from));
  if (bytes & 8) {
    store<u64>(to, load<u64>(from));
    from += 8;
    to += 8;
  }
  if (bytes & 4) store<u32>(to, load<u32>(from));
}

/** Zeroes a multiple of 4 bytes. */
export function clear(to: usize, bytes: usize): void {
  const zero = v128.splat<i32>(0);
  const end = to + (bytes & ~15);
  for (; to < end; to += 16) v128.store(to, zero);
  if (bytes & 8) {
    store<u64>(to, 0);
    to += 8;
  }
  if (bytes & 4) store<u32>(to, 0);
}

/** Bytes of the whole vectors in n elements, and of the elements left over. */
function vectorBytes<T>(n: i32): usize {
  return (<usize>n * sizeof<T>()) & ~15;
}

function restBytes<T>(n: i32): usize {
  return (<usize>n * sizeof<T>()) & 15;
}
