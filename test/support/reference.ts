/** The reference values beside the checkout (../shared/reference): plain double-precision automatic differentiation, one Hessian a sample. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { parseModel } from '../../src/shared/model.ts';
import { allLayers } from '../../src/shared/model.ts';
import type { ModelSpec } from '../../src/shared/model.ts';

export const referenceFolder = new URL('../../../shared/reference/', import.meta.url);

/** true, or why reference suites are skipped. */
export const referenceAvailable: true | string = existsSync(referenceFolder)
  ? true
  : 'the folder ../shared/reference with reference values is not beside the checkout';

type Nested = number | readonly Nested[];

export interface ReferenceMeasurement {
  readonly parameter: string;
  readonly shape: readonly number[];
  readonly loss: number;
  readonly mean_gradient: readonly number[];
  readonly C: readonly (readonly number[])[];
  readonly H: readonly (readonly number[])[];
  readonly Q: readonly (readonly number[])[];
  readonly gauss_newton: readonly (readonly number[])[];
  readonly eigenvalues: readonly number[];
  readonly C_diagonal: readonly number[];
  readonly Q_diagonal: readonly number[];
  readonly commutator_ratio: number;
  readonly cosine_CH: number;
  readonly cosine_CQ: number;
  readonly gamma_ols: number;
  readonly gamma_points: number;
}

export interface ReferenceFile {
  readonly name: string;
  readonly model: unknown;
  readonly inputs: readonly Nested[];
  readonly targets: readonly Nested[];
  readonly weights: Readonly<Record<string, Nested>>;
  readonly initial_weights: Readonly<Record<string, Nested>>;
  readonly final_weights: Readonly<Record<string, Nested>>;
  readonly batches: readonly (readonly number[])[];
  readonly batch_losses: readonly number[];
  readonly optimiser: {
    readonly lr: number;
    readonly momentum?: number;
    readonly nesterov?: boolean;
    readonly weight_decay?: number;
  };
  readonly measurements: readonly ReferenceMeasurement[];
}

export function referenceNames(prefix: string): string[] {
  if (referenceAvailable !== true) return [];
  return readdirSync(referenceFolder)
    .filter((name) => name.startsWith(prefix) && name.endsWith('.json'))
    .map((name) => name.slice(0, -5));
}

export function readReference(name: string): ReferenceFile {
  return JSON.parse(readFileSync(new URL(`${name}.json`, referenceFolder), 'utf8')) as ReferenceFile;
}

export function modelOf(file: ReferenceFile): ModelSpec {
  return parseModel(file.model);
}

export function flat(values: Nested): Float64Array {
  const numbers: number[] = [];
  const visit = (item: Nested): void => {
    if (typeof item === 'number') numbers.push(item);
    else for (const each of item) visit(each);
  };
  visit(values);
  return Float64Array.from(numbers);
}

/** Inputs, and targets as rows (one-hot for classes). */
export function dataOf(
  file: ReferenceFile,
  outputs: number,
): { inputs: Float64Array; targets: Float64Array; classes: boolean } {
  const inputs = flat(file.inputs);
  const values = flat(file.targets);
  const count = file.inputs.length;
  if (values.length !== count) return { inputs, targets: values, classes: false };
  const targets = new Float64Array(count * outputs);
  for (const [p, label] of values.entries()) targets[p * outputs + label] = 1;
  return { inputs, targets, classes: true };
}

/** max |x - ref| / max |ref|: agreement as docs/theory.md defines it. */
export function disagreement(x: ArrayLike<number>, reference: ArrayLike<number>): number {
  if (x.length !== reference.length) throw new Error(`${x.length} values against ${reference.length}`);
  let difference = 0;
  let largest = 0;
  for (let i = 0; i < reference.length; i++) {
    const gap = Math.abs(x[i] - reference[i]);
    if (!(gap <= difference)) difference = gap;
    largest = Math.max(largest, Math.abs(reference[i]));
  }
  return difference / largest;
}

/** The exact method serves layers that see one vector a sample: in the reference files every dense layer but those on tokens. */
export function seesOneVector(model: ModelSpec, parameter: string): boolean {
  const layer = allLayers(model.layers).find((each) => 'name' in each && parameter.startsWith(`${each.name}.`));
  return layer?.type === 'dense' && (model.input.length !== 2 || layer.name === 'head');
}

/** Columns of the last kernel: the number of outputs. */
export function outputsOf(weights: ReferenceFile['weights']): number {
  const last =
    Object.keys(weights)
      .filter((key) => key.endsWith('.kernel'))
      .at(-1) ?? '';
  const kernel = weights[last] as readonly unknown[];
  return flat(weights[last]).length / kernel.length;
}

/**
 * Means of a diagonal over clusters of eigenvalues whose gaps are at most `width` max|H_ii|: what does not depend on the basis within a cluster. A
 * simple eigenvalue is a cluster of one.
 */
export function clusterMeans(eigenvalues: readonly number[], diagonal: ArrayLike<number>, width = 1e-6): number[] {
  const largest = Math.max(...eigenvalues.map(Math.abs));
  const means: number[] = [];
  for (let start = 0; start < eigenvalues.length;) {
    let end = start + 1;
    while (end < eigenvalues.length && Math.abs(eigenvalues[end] - eigenvalues[end - 1]) <= width * largest) end++;
    let sum = 0;
    for (let i = start; i < end; i++) sum += diagonal[i];
    means.push(sum / (end - start));
    start = end;
  }
  return means;
}
