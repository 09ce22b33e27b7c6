/**
 * The losses of the model format: what is summed over a sample, and what the targets are. Letters: y the outputs, K their number (of one
 * token, where the model ends in a sequence), t targets, log p = log softmax(y).
 */
import * as v from 'valibot';
import { notOneOf, real } from '../validation.ts';

export const losses = ['cross-entropy', 'mse', 'binary-cross-entropy'] as const;
export type LossName = (typeof losses)[number];

const oneOf = v.picklist(losses, (issue) => notOneOf(losses, issue.received));

/**
 * The loss of one sample, l = -sum_k w_k t'_k log p_k with t' = (1 - s) t + s / K: t one-hot for a class, or soft targets (not negative, each row
 * of sum 1). Of a model that ends in a sequence (or an image) of outputs [..., K] the targets are whole numbers, one a position, and l is the mean
 * over the positions whose target is not -100. This is torch.nn.CrossEntropyLoss of one sample by itself; over several, PyTorch's mean with
 * class weights divides by the sum of the weights of the targets, here a mean over samples divides by their number.
 */
const crossEntropy = v.strictObject({
  type: v.literal('cross-entropy'),
  /** s, in [0, 1]; default 0. */
  label_smoothing: v.optional(real(0, 1)),
  /** w [K], none negative; default all 1. */
  class_weights: v.optional(v.pipe(v.array(real(0), 'expected a list of weights'), v.minLength(1))),
});

const mean_over_outputs = v.optional(v.boolean('expected true or false'));

/**
 * l = 1/2 sum_k (y_k - t_k)^2 over all outputs of a sample (of all positions too); with `mean_over_outputs` PyTorch's, l = (1/K) sum_k (y_k - t_k)^2:
 * a mean over the outputs and no 1/2. The second is 2/K times the first, and so are its gradients; C and Q are (2/K)^2, H is 2/K times as large.
 */
const mse = v.strictObject({ type: v.literal('mse'), mean_over_outputs });

/**
 * l = sum_k log(1 + exp(y_k)) - t_k y_k, on logits y with t_k in [0, 1]: every output (one or many) is an independent yes or no. With
 * `mean_over_outputs` the mean over the outputs instead of the sum: torch.nn.BCEWithLogitsLoss.
 */
const binaryCrossEntropy = v.strictObject({ type: v.literal('binary-cross-entropy'), mean_over_outputs });

const settings = v.variant('type', [crossEntropy, mse, binaryCrossEntropy], (issue) =>
  notOneOf(losses, issue.received),
);

/** A loss's name, or an object of its type and settings. */
export const lossSchema = v.lazy((input): v.GenericSchema<unknown, LossSpec> =>
  typeof input === 'object' && input !== null ? settings : oneOf,
);

export type LossSpec =
  LossName | v.InferOutput<typeof crossEntropy> | v.InferOutput<typeof mse> | v.InferOutput<typeof binaryCrossEntropy>;

/** A loss with every setting filled in. */
export interface Loss {
  readonly type: LossName;
  /** s, 0 unless cross-entropy. */
  readonly smoothing: number;
  /** w [K]; null: all 1. */
  readonly classWeights: readonly number[] | null;
  /** Of mse and binary cross-entropy. */
  readonly isMean: boolean;
}

export function lossOf(spec: LossSpec): Loss {
  const given = typeof spec === 'string' ? { type: spec } : spec;
  const all = given as Partial<Record<'label_smoothing' | 'class_weights' | 'mean_over_outputs', unknown>>;
  return {
    type: given.type,
    smoothing: (all.label_smoothing as number | undefined) ?? 0,
    classWeights: (all.class_weights as readonly number[] | undefined) ?? null,
    isMean: all.mean_over_outputs === true,
  };
}
