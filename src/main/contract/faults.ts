/** Turns an error thrown on the main side into a fault for the window. */
import { definedOf } from '../../shared/defined.ts';
import { FaultError } from '../../shared/contract/index.ts';
import type { Fault, FaultCode } from '../../shared/contract/index.ts';
import { InputError, messageOf } from '../../shared/errors.ts';
import { FilterError, StoreError } from '../store/index.ts';
import type { StoreErrorCode } from '../store/index.ts';

const ofStore: Readonly<Record<StoreErrorCode, FaultCode>> = {
  'not-found': 'not-found',
  'not-a-store': 'damaged',
  'in-use': 'busy',
  'newer-version': 'conflict',
  'older-version': 'conflict',
  'migration-failed': 'damaged',
  corrupt: 'damaged',
  'read-only': 'read-only',
  'disk-full': 'disk-full',
  busy: 'busy',
  'locking-unsupported': 'failed',
  'batch-order': 'failed',
  io: 'failed',
  closed: 'failed',
};

export function faultToSend(error: unknown): Fault {
  if (error instanceof FaultError) return error.toFault();
  if (error instanceof FilterError) {
    return { code: 'bad-input', message: error.message, details: { column: error.column, length: error.length } };
  }
  if (error instanceof InputError) return { code: 'bad-input', message: error.message };
  if (error instanceof StoreError) return { code: ofStore[error.code], message: error.message };
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return {
      code: 'disk-full',
      message: `no space left on the disk (${messageOf(error)}). Free some space, then try again`,
    };
  }
  if (error instanceof Error && error.name === 'AbortError') return { code: 'cancelled', message: 'cancelled' };
  const stack = error instanceof Error ? error.stack : undefined;
  return {
    code: 'failed',
    message: messageOf(error),
    ...definedOf({ details: stack === undefined ? undefined : { stack } }),
  };
}
