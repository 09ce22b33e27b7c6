/** A tensor that a model needs, as the readers of weights look for it. */
export interface WantedTensor {
  /** "fc1.kernel". */
  readonly name: string;
  readonly shape: readonly number[];
  /** [height, width, channels] if the tensor's first axis runs over the numbers of a flattened image. */
  readonly flattened?: readonly [number, number, number] | undefined;
  /** A table with a row a token or place, or one vector: no kernel of a product, and its axes are PyTorch's. */
  readonly isTable?: boolean | undefined;
  /** Why weights trained by PyTorch cannot fit it. */
  readonly untorchable?: string | undefined;
}
