/** Tensors of a file and the places of a model that they may take. Pure. */
import type { ModelPreview, TensorMapping } from '../../shared/contract/index.ts';

/** Names of the tensors that would fit a tensor of the model. */
export function fitting({ tensors }: ModelPreview, { expected }: TensorMapping): readonly string[] {
  return tensors.filter(({ shape }) => shape.join() === expected.join()).map(({ name }) => name);
}

/** Tensors of the model without a tensor that fits. */
export function unfitting({ mappings }: ModelPreview): number {
  return mappings.filter(({ problem }) => problem !== null).length;
}
