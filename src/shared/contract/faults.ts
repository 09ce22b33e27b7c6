/** What can go wrong with a request, as values: nothing is thrown across the contract. */

export const faultCodes = [
  /** The request is malformed, or asks for something impossible: correct the input. `details` may hold { column, length } of a filter. */
  'bad-input',
  /** There is no method of that name: the two sides differ in version. */
  'unknown-method',
  /** What the request is about does not exist (any more). */
  'not-found',
  /** Valid, but not in the present state: a run that is done cannot be paused. */
  'conflict',
  /** This shell or this machine cannot do it; the message says why and what to do. */
  'unavailable',
  /** The request, or its answer, is larger than the shell passes on. */
  'too-large',
  /** The user, or the end of the program, stopped it. */
  'cancelled',
  'disk-full',
  /** The store cannot be written. */
  'read-only',
  /** Another program keeps the database locked. */
  'busy',
  /** The database or a file of it is damaged. */
  'damaged',
  /** Raised only on the window's side: the connection to the main side is gone, so the outcome is unknown. */
  'disconnected',
  /** Anything else: a fault of the program or of the machine. */
  'failed',
] as const;
export type FaultCode = (typeof faultCodes)[number];

export interface Fault {
  readonly code: FaultCode;
  /** What happened, what it means for the data, what to do. */
  readonly message: string;
  /** For the program (places in a text) or for a bug report (a stack); shown folded. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** The outcome of a request. */
export type Outcome<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly fault: Fault };

/** A fault on its way through code that throws: handlers raise it, clients reject with it. */
export class FaultError extends Error {
  override readonly name = 'FaultError';
  readonly code: FaultCode;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(code: FaultCode, message: string, details?: Readonly<Record<string, unknown>>, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.details = details;
  }

  static of(fault: Fault): FaultError {
    return new FaultError(fault.code, fault.message, fault.details);
  }

  toFault(): Fault {
    return { code: this.code, message: this.message, ...(this.details !== undefined && { details: this.details }) };
  }
}
