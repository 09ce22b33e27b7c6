/**
 * Errors that a user can mend. The command line answers them with exit status 2, the contract with code `bad-input`;
 * every other error is a fault of the program or the machine (exit status 1).
 */
export class InputError extends Error {
  override readonly name = 'InputError';
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
