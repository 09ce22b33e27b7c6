/** Gzip and deflate with a bound on what comes out, so that a small file cannot take all memory. */
import * as zlib from 'node:zlib';
import { InputError, messageOf } from '../../shared/errors.ts';
import { codeOf } from '../files.ts';

/** Deflate cannot shrink data more than this: 258 bytes from 2 bits (RFC 1951). */
export const largestRatio = 1032;

export function isGzip(bytes: Uint8Array): boolean {
  return bytes.length >= 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** The first bytes that a gzip file unpacks to (at least 4 KB if there are as many), from its first 4 KB alone. */
export function gunzipStart(bytes: Uint8Array, name: string): Uint8Array {
  try {
    return zlib.gunzipSync(bytes.subarray(0, 4096), { finishFlush: zlib.constants.Z_SYNC_FLUSH });
  } catch (error) {
    throw new InputError(`${name}: not a valid gzip file: ${messageOf(error)}`);
  }
}

/** All that a gzip file unpacks to, which must be at most `limit` bytes. Raises an InputError for damage and for more. */
export function gunzip(bytes: Uint8Array, limit: number, name: string): Uint8Array {
  try {
    return zlib.gunzipSync(bytes, { maxOutputLength: Math.max(1, limit) });
  } catch (error) {
    if (codeOf(error) === 'ERR_BUFFER_TOO_LARGE')
      throw new InputError(`${name}: unpacks to more than the ${limit} bytes expected`);
    throw new InputError(`${name}: not a valid gzip file, or cut short: ${messageOf(error)}`);
  }
}
