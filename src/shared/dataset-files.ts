/** Files of data by the ending of their name: what recognises them, the dialogs that choose one and the window that one is dropped on go by this list. */
import type { FileSource } from './dataset.ts';

/** Arrays and tables, and the source that reads each; alone in a folder such a file is its dataset. */
export const arrayEndings = {
  '.npz': 'npz',
  '.npy': 'npz',
  '.safetensors': 'safetensors',
  '.csv': 'csv',
  '.tsv': 'csv',
} as const satisfies Readonly<Record<`.${string}`, FileSource>>;

/** Tables where one is named by itself; in a folder they may be anything. */
export const tableEndings = { '.txt': 'csv', '.data': 'csv' } as const satisfies Readonly<
  Record<`.${string}`, FileSource>
>;

/** Of both, with the dot. */
export const dataEndings: readonly string[] = [...Object.keys(arrayEndings), ...Object.keys(tableEndings)];
