import { UndefinedError } from '../../shared/errors.ts';

/** The result of an extra of a measurement, or why it is undefined there; any other error is thrown. */
export async function orReason<T>(extra: Promise<T>): Promise<T | string> {
  try {
    return await extra;
  } catch (error) {
    if (error instanceof UndefinedError) return error.message;
    throw error;
  }
}
