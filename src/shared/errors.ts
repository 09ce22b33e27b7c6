/**
 * Errors that the user can correct. The command line reports them with exit status 2, the contract with code `bad-input`;
 * every other error is a fault of the program or the machine (exit status 1).
 */
export class InputError extends Error {
  override readonly name = 'InputError';
}

/** Something requested in addition to a measurement is not defined for it: it is left out with this reason, and the rest is kept. */
export class UndefinedError extends Error {
  override readonly name = 'UndefinedError';
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
