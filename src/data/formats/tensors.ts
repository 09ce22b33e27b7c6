/** Arrays with a shape and an element type, as files hold them. All bytes are little-endian, row-major. */
import { endianness } from 'node:os';

export type TensorData =
  | Float64Array
  | Float32Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

/** Names of the safetensors format. F16 and BF16 are read into Float32Array (exactly); BOOL is a Uint8Array of 0 and 1. */
export const dtypes = [
  'F64',
  'F32',
  'F16',
  'BF16',
  'I64',
  'U64',
  'I32',
  'U32',
  'I16',
  'U16',
  'I8',
  'U8',
  'BOOL',
] as const;
export type Dtype = (typeof dtypes)[number];

export interface StoredTensor {
  /** As stored in the file; see `dtypes` for the array it becomes. */
  readonly dtype: Dtype;
  /** Non-negative integers; empty for a scalar. The product is `data.length`. */
  readonly shape: readonly number[];
  readonly data: TensorData;
}

const bytesOfDtype: Readonly<Record<Dtype, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  U64: 8,
  I32: 4,
  U32: 4,
  I16: 2,
  U16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

export function isDtype(name: unknown): name is Dtype {
  return typeof name === 'string' && Object.hasOwn(bytesOfDtype, name);
}

/** Bytes of one stored element. */
export function dtypeBytes(dtype: Dtype): number {
  return bytesOfDtype[dtype];
}

/** The product of a shape, or undefined if it is not a shape or has more than 2^53 - 1 elements. The empty shape has one element. */
export function elementsOf(shape: unknown): number | undefined {
  if (!Array.isArray(shape)) return undefined;
  let product = 1;
  for (const size of shape as unknown[]) {
    if (!(typeof size === 'number' && Number.isSafeInteger(size) && size >= 0)) return undefined;
    product *= size;
    if (!Number.isSafeInteger(product)) return undefined;
  }
  return product;
}

/** The dtype that an array is written as: each kind of typed array has one. */
export function dtypeOf(data: TensorData): Dtype {
  if (data instanceof Float64Array) return 'F64';
  if (data instanceof Float32Array) return 'F32';
  if (data instanceof BigInt64Array) return 'I64';
  if (data instanceof BigUint64Array) return 'U64';
  if (data instanceof Int32Array) return 'I32';
  if (data instanceof Uint32Array) return 'U32';
  if (data instanceof Int16Array) return 'I16';
  if (data instanceof Uint16Array) return 'U16';
  if (data instanceof Int8Array) return 'I8';
  if (data instanceof Uint8Array) return 'U8';
  throw new Error(`unknown kind of array: ${String(data satisfies never)}`);
}

/** A tensor of `data`, its dtype from the kind of array. Throws if the shape does not hold as many elements. */
export function tensor(data: TensorData, shape: readonly number[] = [data.length]): StoredTensor {
  if (elementsOf(shape) !== data.length)
    throw new Error(`shape [${shape.join(', ')}] does not hold ${data.length} elements`);
  return { dtype: dtypeOf(data), shape, data };
}

/**
 * The elements in `bytes` (a multiple of the dtype's size). Without a copy if the bytes are aligned for the type, otherwise (and for F16, BF16) from a copy.
 */
export function decodeElements(dtype: Dtype, bytes: Uint8Array): TensorData {
  assertLittleEndian();
  const size = dtypeBytes(dtype);
  const source = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  const place = [source.buffer, source.byteOffset, source.byteLength / size] as const;
  switch (dtype) {
    case 'F64':
      return new Float64Array(...place);
    case 'F32':
      return new Float32Array(...place);
    case 'F16':
      return Float32Array.from(new Uint16Array(...place), halfToNumber);
    case 'BF16':
      return new Float32Array(Uint32Array.from(new Uint16Array(...place), (bits) => bits << 16).buffer);
    case 'I64':
      return new BigInt64Array(...place);
    case 'U64':
      return new BigUint64Array(...place);
    case 'I32':
      return new Int32Array(...place);
    case 'U32':
      return new Uint32Array(...place);
    case 'I16':
      return new Int16Array(...place);
    case 'U16':
      return new Uint16Array(...place);
    case 'I8':
      return new Int8Array(...place);
    case 'U8':
    case 'BOOL':
      return new Uint8Array(...place);
    default:
      throw new Error(`unknown dtype: ${String(dtype satisfies never)}`);
  }
}

/** The bytes that an array lies in, without a copy. */
export function bytesOf(data: TensorData): Uint8Array {
  assertLittleEndian();
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** The value of an IEEE 754 half-precision number, exactly. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

function assertLittleEndian(): void {
  if (endianness() !== 'LE') throw new Error('this program runs on little-endian processors only');
}

/**
 * The elements as doubles (no copy if they are). 64-bit integers beyond 2^53 - 1 raise a RangeError with the index: they have no exact double.
 */
export function toFloat64(data: TensorData): Float64Array {
  if (data instanceof Float64Array) return data;
  if (!(data instanceof BigInt64Array || data instanceof BigUint64Array)) return Float64Array.from(data);
  const out = new Float64Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const value = Number(data[i]);
    if (!Number.isSafeInteger(value)) throw new RangeError(`element ${i} (${data[i]}) is beyond 2^53`);
    out[i] = value;
  }
  return out;
}
