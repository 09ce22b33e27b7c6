/**
 * Messages as bytes, for shells whose channel carries no typed arrays (the WebSocket). A message without typed arrays is JSON text. One with them is
 * a binary frame, little-endian: 4 bytes "CVT1", uint32 length of the JSON, the JSON (UTF-8) padded with spaces to a multiple of 8 (counted from the
 * start of the frame), then the arrays, each at a multiple of 8. The JSON is { message, arrays: [{ path, type, offset, length }] }: an array's place in
 * the message is named by `path` (null stands there), so no text from a user can be mistaken for one. Numbers that JSON lacks (NaN) become null outside typed
 * arrays.
 */

type Wire = Float64Array | Float32Array | Int32Array | Uint32Array | Uint8Array;

const kinds = {
  f64: Float64Array,
  f32: Float32Array,
  i32: Int32Array,
  u32: Uint32Array,
  u8: Uint8Array,
} as const;
type Kind = keyof typeof kinds;

interface ArrayPlace {
  readonly path: readonly (string | number)[];
  readonly type: Kind;
  readonly offset: number;
  readonly length: number;
}

const magic = 0x31545643;

/** From the main side to a window: an answer or an event. */
export type MainMessage =
  | { readonly number: number; readonly ok: true; readonly value: unknown }
  | { readonly number: number; readonly ok: false; readonly fault: unknown }
  | { readonly event: string; readonly payload: unknown };

/** Raises a plain Error for a value that cannot be sent (another kind of array, a function). */
export function encode(message: unknown): string | Uint8Array<ArrayBuffer> {
  const arrays: { place: Omit<ArrayPlace, 'offset'>; data: Wire }[] = [];
  const plain = withoutArrays(message, [], arrays);
  if (arrays.length === 0) return JSON.stringify(plain);
  let offset = 0;
  const places: ArrayPlace[] = arrays.map(({ place, data }) => {
    const begin = offset;
    offset += padded(data.byteLength);
    return { ...place, offset: begin };
  });
  const json = new TextEncoder().encode(JSON.stringify({ message: plain, arrays: places }));
  const start = padded(8 + json.length);
  const frame = new Uint8Array(start + offset);
  const view = new DataView(frame.buffer);
  view.setUint32(0, magic, true);
  view.setUint32(4, json.length, true);
  frame.set(json, 8);
  frame.fill(0x20, 8 + json.length, start);
  for (const [i, { data }] of arrays.entries()) {
    frame.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), start + places[i].offset);
  }
  return frame;
}

/** The reverse. Raises a plain Error on anything malformed; typed arrays of the answer are views of the frame where its alignment allows. */
export function decode(data: string | Uint8Array): unknown {
  if (typeof data === 'string') return JSON.parse(data) as unknown;
  if (data.byteLength < 8) throw new Error('the frame is too short');
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (view.getUint32(0, true) !== magic) throw new Error('the frame does not come from this program');
  const jsonLength = view.getUint32(4, true);
  const start = padded(8 + jsonLength);
  if (start > data.byteLength) throw new Error('the frame is cut off');
  const parsed: unknown = JSON.parse(
    new TextDecoder('utf-8', { fatal: true }).decode(data.subarray(8, 8 + jsonLength)),
  );
  if (!isObject(parsed) || !Array.isArray(parsed['arrays'])) throw new Error('the frame has no list of arrays');
  const root: Record<string, unknown> = { message: parsed['message'] };
  for (const place of parsed['arrays'] as unknown[]) {
    if (!isPlace(place)) throw new Error('the frame describes an array incorrectly');
    const Type = kinds[place.type];
    const bytes = place.length * Type.BYTES_PER_ELEMENT;
    if (start + place.offset + bytes > data.byteLength) throw new Error('the frame is cut off');
    const begin = data.byteOffset + start + place.offset;
    const array =
      begin % Type.BYTES_PER_ELEMENT === 0
        ? new Type(data.buffer as ArrayBuffer, begin, place.length)
        : new Type(data.slice(start + place.offset, start + place.offset + bytes).buffer);
    putAt(root, ['message', ...place.path], array);
  }
  return root['message'];
}

function withoutArrays(
  value: unknown,
  path: (string | number)[],
  arrays: { place: Omit<ArrayPlace, 'offset'>; data: Wire }[],
): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (ArrayBuffer.isView(value)) {
    const type = (Object.keys(kinds) as Kind[]).find((kind) => value instanceof kinds[kind]);
    if (type === undefined) throw new Error(`this kind of array cannot be sent: ${path.join('.')}`);
    const data = value as Wire;
    arrays.push({ place: { path: [...path], type, length: data.length }, data });
    return null;
  }
  if (Array.isArray(value)) {
    // Long lists of numbers and texts are the common case; they are kept unchanged.
    if (!value.some((item) => typeof item === 'object' && item !== null)) return value;
    return value.map((item, i) => withoutArrays(item, [...path, i], arrays));
  }
  const copy: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    const plain =
      typeof item === 'object' && item !== null ? withoutArrays(item, [...path, key], arrays) : (item as unknown);
    // A plain assignment to "__proto__" would set the prototype.
    if (key === '__proto__') Object.defineProperty(copy, key, { value: plain, enumerable: true, configurable: true });
    else copy[key] = plain;
  }
  return copy;
}

function putAt(root: Record<string, unknown>, path: readonly (string | number)[], value: unknown): void {
  let at: Record<string | number, unknown> = root;
  for (const key of path.slice(0, -1)) {
    const next = Object.hasOwn(at, key) ? at[key] : undefined;
    if (!isObject(next)) throw new Error('the frame puts an array at a place that does not exist');
    at = next;
  }
  const last = path[path.length - 1];
  if (last === undefined || !Object.hasOwn(at, last)) {
    throw new Error('the frame puts an array at a place that does not exist');
  }
  at[last] = value;
}

function isPlace(value: unknown): value is ArrayPlace {
  if (!isObject(value)) return false;
  const { path, type, offset, length } = value;
  return (
    Array.isArray(path) &&
    path.every((key) => typeof key === 'string' || typeof key === 'number') &&
    typeof type === 'string' &&
    Object.hasOwn(kinds, type) &&
    isCount(offset) &&
    offset % 8 === 0 &&
    isCount(length)
  );
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

const padded = (bytes: number): number => Math.ceil(bytes / 8) * 8;
