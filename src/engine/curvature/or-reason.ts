import { UndefinedError } from '../../shared/errors.ts';

/** What an extra of a measurement comes to, or why it is not defined there; any other failure is one. */
export async function orReason<T>(extra: Promise<T>): Promise<T | string> {
  try {
    return await extra;
  } catch (error) {
    if (error instanceof UndefinedError) return error.message;
    throw error;
  }
}
