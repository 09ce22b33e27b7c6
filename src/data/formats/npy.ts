/**
 * NumPy's array files (numpy.lib.format, versions 1.0 to 3.0) and archives of them (.npz). Numbers only: an array of Python objects would have to be
 * unpickled, which runs code, and is refused.
 */
import { InputError } from '../../shared/errors.ts';
import { decodeElements, dtypeBytes, elementsOf, type Dtype, type StoredTensor } from './tensors.ts';
import { readZip } from './zip.ts';

/** NumPy itself writes some 100 bytes and refuses to read more than 10,000. */
const largestHeader = 65_536;

/** Type letter and bytes of a `descr` -> dtype. */
const dtypeOfDescr: Readonly<Record<string, Dtype>> = {
  f8: 'F64',
  f4: 'F32',
  f2: 'F16',
  i8: 'I64',
  u8: 'U64',
  i4: 'I32',
  u4: 'U32',
  i2: 'I16',
  u2: 'U16',
  i1: 'I8',
  u1: 'U8',
  b1: 'BOOL',
};

/**
 * One .npy file; `name` opens every error. Either byte order; Fortran order is turned into row-major. Raises an InputError for a wrong start, a header
 * that is not NumPy's, a type that is no plain number, a length that does not fit the shape.
 */
export function parseNpy(bytes: Uint8Array, name: string): StoredTensor {
  const { descr, fortran, shape, begin } = parseHeader(bytes, name);
  const match = /^([<>|=]?)([a-zA-Z]\d+)$/.exec(descr);
  const dtype = match && Object.hasOwn(dtypeOfDescr, match[2]) ? dtypeOfDescr[match[2]] : undefined;
  if (!match || dtype === undefined) {
    throw new InputError(
      `${name}: expected numbers (${Object.keys(dtypeOfDescr).join(', ')}), found the type "${descr}"${remedyOf(descr)}`,
    );
  }
  const elements = elementsOf(shape);
  if (elements === undefined)
    throw new InputError(`${name}: expected a shape of fewer than 2^53 elements, found (${shape.join(', ')})`);
  const size = dtypeBytes(dtype);
  if (bytes.length - begin !== elements * size)
    throw new InputError(
      `${name}: expected ${elements * size} bytes for (${shape.join(', ')}) of ${descr}, found ${bytes.length - begin}`,
    );
  let body = bytes.subarray(begin);
  if (match[1] === '>' && size > 1) {
    const copy = Buffer.from(body);
    if (size === 2) copy.swap16();
    else if (size === 4) copy.swap32();
    else copy.swap64();
    body = copy;
  }
  const data = decodeElements(dtype, body);
  return { dtype, shape, data: fortran && shape.length > 1 ? rowMajor(data, shape) : data };
}

/** How to save what has another type. */
function remedyOf(descr: string): string {
  if (descr.includes('O'))
    return (
      ' (Python objects, which are never unpickled). Save numbers: labels.astype(np.int64), np.unique(labels, return_inverse=True)[1] for labels that are words, ' +
      'np.stack(rows) for a list of arrays of one length'
    );
  if (/[US]\d/.test(descr)) return ' (text, which can only be labels)';
  if (/c\d/.test(descr)) return ' (complex numbers); save real and imaginary parts as two channels';
  if (/M8|m8/.test(descr)) return ' (times); save numbers: x.astype(np.int64)';
  if (/f16|g/.test(descr)) return ' (long doubles); save x.astype(np.float64)';
  return '';
}

/** The texts of one .npy file of fixed-width strings ([n], or [n, 1]); null for an array of anything else. */
export function parseNpyTexts(bytes: Uint8Array, name: string): string[] | null {
  const { descr, shape, begin } = parseHeader(bytes, name);
  const match = /^([<>|=]?)([US])(\d+)$/.exec(descr);
  if (match === null) return null;
  const [, order, kind, digits] = match;
  const width = Number(digits) * (kind === 'U' ? 4 : 1);
  const count = elementsOf(shape) ?? 0;
  if (!(shape.length === 1 || (shape.length === 2 && shape[1] === 1)))
    throw new InputError(`${name}: expected one text a sample, found an array (${shape.join(', ')})`);
  if (bytes.length - begin !== count * width)
    throw new InputError(`${name}: expected ${count * width} bytes for ${count} texts, found ${bytes.length - begin}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: count }, (_, i) => {
    const offset = begin + i * width;
    if (kind === 'S') return new TextDecoder().decode(bytes.subarray(offset, offset + width)).replace(/\0+$/, '');
    let text = '';
    for (let j = 0; j < width; j += 4) {
      const code = view.getUint32(offset + j, order !== '>');
      if (code > 0x10ffff) throw new InputError(`${name}: text ${i} holds ${code}, which is not a character`);
      if (code !== 0) text += String.fromCodePoint(code);
    }
    return text;
  });
}

/** From column-major (first index fastest) to row-major. */
function rowMajor<T extends StoredTensor['data']>(data: T, shape: readonly number[]): T {
  const out = data.slice() as T;
  const strides: number[] = [];
  let stride = 1;
  for (const size of shape) {
    strides.push(stride);
    stride *= size;
  }
  const index = new Array<number>(shape.length).fill(0);
  let from = 0;
  for (let to = 0; to < data.length; to++) {
    out[to] = data[from]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis];
      if (++index[axis] < shape[axis]) break;
      from -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return out;
}

interface Header {
  readonly descr: string;
  readonly fortran: boolean;
  readonly shape: number[];
  /** Where the elements begin. */
  readonly begin: number;
}

function parseHeader(bytes: Uint8Array, name: string): Header {
  const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
  if (bytes.length < 10 || magic.some((byte, i) => bytes[i] !== byte))
    throw new InputError(`${name}: not NumPy's format: expected it to begin with \\x93NUMPY`);
  const version = bytes[6];
  if (!(version >= 1 && version <= 3))
    throw new InputError(`${name}: expected format version 1 to 3, found ${version}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = version === 1 ? 10 : 12;
  const length = version === 1 ? view.getUint16(8, true) : bytes.length >= 12 ? view.getUint32(8, true) : Infinity;
  if (length > largestHeader)
    throw new InputError(`${name}: expected a header of at most ${largestHeader} bytes, found ${length}`);
  if (!(start + length <= bytes.length))
    throw new InputError(
      `${name}: cut short: its header claims ${length} bytes, found ${Math.max(0, bytes.length - start)}`,
    );
  const text = new TextDecoder('latin1').decode(bytes.subarray(start, start + length));
  // A Python literal with three fixed keys in any order; nothing in it can nest but the shape.
  const fields = /^\{([^]*)\}\s*$/.exec(text);
  const take = (key: string, pattern: string) =>
    new RegExp(`(?:^|,)\\s*['"]${key}['"]\\s*:\\s*${pattern}\\s*(?=,|$)`).exec(fields?.[1] ?? '');
  const descr = take('descr', `(?:'([^'\\\\]*)'|"([^"\\\\]*)")`);
  const fortran = take('fortran_order', '(True|False)');
  const shape = take('shape', '\\(([\\d\\s,L]*)\\)');
  if (!fortran || !shape)
    throw new InputError(`${name}: expected the header of a NumPy array, found ${JSON.stringify(text.slice(0, 80))}`);
  if (!descr) {
    const what = /['"]descr['"]\s*:\s*\[/.test(text) ? 'a table with named columns' : JSON.stringify(text.slice(0, 80));
    throw new InputError(`${name}: expected an array of plain numbers, found ${what}`);
  }
  const sizes = shape[1].split(',').map((item) => item.trim().replace(/L$/, ''));
  if (sizes.at(-1) === '') sizes.pop();
  if (!sizes.every((item) => /^\d{1,16}$/.test(item)) || sizes.length > 32)
    throw new InputError(`${name}: expected a shape of at most 32 sizes, found (${shape[1].slice(0, 80)})`);
  return {
    descr: descr[1] ?? descr[2],
    fortran: fortran[1] === 'True',
    shape: sizes.map(Number),
    begin: start + length,
  };
}

/** The arrays of an .npz file that are text, by name, each read when asked for; null for one of numbers. */
export function parseNpzTexts(bytes: Uint8Array, name: string): ReadonlyMap<string, () => string[] | null> {
  const texts = new Map<string, () => string[] | null>();
  for (const entry of readZip(bytes, name)) {
    if (!entry.name.endsWith('.npy')) continue;
    const key = entry.name.slice(0, -4);
    texts.set(key, () => parseNpyTexts(entry.read(), `${name}: ${key}`));
  }
  return texts;
}

/** The arrays of an .npz file by name (without ".npy"), each read when asked for. */
export function parseNpz(bytes: Uint8Array, name: string): ReadonlyMap<string, () => StoredTensor> {
  const arrays = new Map<string, () => StoredTensor>();
  for (const entry of readZip(bytes, name)) {
    if (!entry.name.endsWith('.npy')) continue;
    const key = entry.name.slice(0, -4);
    arrays.set(key, () => parseNpy(entry.read(), `${name}: ${key}`));
  }
  return arrays;
}
