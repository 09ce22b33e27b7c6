/** What may be wrong with a store, as its examination reports it. */

export const storeProblemCodes = [
  /** SQLite finds the database inconsistent: restore a backup. */
  'database',
  /** A row refers to one that is not there. */
  'reference',
  /** Points of a series whose checksum is wrong. */
  'chunk',
  /** A series whose count of points is wrong. Repaired by counting. */
  'count',
  /** A file that a row names is not there. Repaired by marking the row. */
  'artifact-missing',
  /** A file that differs from what was stored, by its size or its checksum. Repaired by marking the row. */
  'artifact-damaged',
  /** A file that no row names, as a crash between file and row leaves. Repaired by removing it. */
  'orphan',
  /** A file that was being written when its program ended. Repaired by removing it. */
  'temporary',
] as const;

export type StoreProblemCode = (typeof storeProblemCodes)[number];

export interface StoreProblem {
  readonly code: StoreProblemCode;
  /** What is wrong, and what it means. */
  readonly message: string;
  /** The file in question, absolute. */
  readonly path?: string;
  /** The run in question. */
  readonly run?: string;
  readonly mended: boolean;
}
