import { InputError } from '../../shared/errors.ts';

/** Refuses arrays of more than 2^30 numbers (8 GB in double precision) before they are asked of the machine. */
export function checkSize(what: string, rows: number, columns: number): void {
  if (!(rows * columns <= 2 ** 30))
    throw new InputError(`${what}: ${rows} x ${columns} numbers; expected at most 2^30 (1,073,741,824) in all`);
}
