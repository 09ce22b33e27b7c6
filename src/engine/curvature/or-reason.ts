import { UndefinedError } from '../../shared/errors.ts';
import type { Pool } from '../parallel/pool.ts';

/** The result of an extra of a measurement, or why it is undefined there; any other error is thrown. Nothing of a failed one remains. */
export async function orReason<T>(pool: Pool, extra: () => Promise<T>): Promise<T | string> {
  try {
    return await pool.releasingOnFailure(extra);
  } catch (error) {
    if (error instanceof UndefinedError) return error.message;
    throw error;
  }
}
