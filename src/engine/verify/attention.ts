/** Self-attention of a sequence, for the oracle. */
import type { AttentionSpec } from '../../shared/model.ts';
import { add, constant, exp, multiply, reciprocal, scale, subtract } from './hyper-dual.ts';
import type { HyperDual } from './hyper-dual.ts';
import { affine, zero } from './values.ts';
import type { DualWeights, Values } from './values.ts';

export function attend(layer: AttentionSpec, weights: DualWeights, { shape, x }: Values): Values {
  const [tokens, width] = shape;
  const size = layer.head_width ?? width / layer.heads;
  const inner = layer.heads * size;
  const roles = ['query', 'key', 'value'];
  const projected = roles.map((role, part) => {
    const name = `${layer.name}.${layer.packed === true ? 'qkv' : role}`;
    const [columns, first] = layer.packed === true ? [3 * inner, part * inner] : [inner, 0];
    const bias = layer.bias === true ? weights[`${name}.bias`].slice(first, first + inner) : null;
    return affine(x, width, inner, (i, k) => weights[`${name}.kernel`][i * columns + first + k], bias);
  });
  const turn = (values: readonly HyperDual[]): readonly HyperDual[] =>
    layer.rotary === undefined ? values : values.map((_, at) => turned(layer, values, at, inner, size));
  const [query, key, value] = [turn(projected[0]), turn(projected[1]), projected[2]];
  const mixed = new Array<HyperDual>(tokens * inner);
  for (let head = 0; head < layer.heads; head++) {
    const indexOf = (t: number, k: number): number => t * inner + head * size + k;
    for (let t = 0; t < tokens; t++) {
      const seen = layer.causal ? t + 1 : tokens;
      const scores = Array.from({ length: seen }, (_, s) => {
        let sum = zero;
        for (let k = 0; k < size; k++) sum = add(sum, multiply(query[indexOf(t, k)], key[indexOf(s, k)]));
        return scale(sum, 1 / Math.sqrt(size));
      });
      const largest = Math.max(...scores.map((each) => each.a));
      const weight = scores.map((each) => exp(subtract(each, constant(largest))));
      const inverse = reciprocal(weight.reduce(add, zero));
      for (let k = 0; k < size; k++) {
        let sum = zero;
        for (let s = 0; s < seen; s++) sum = add(sum, multiply(multiply(weight[s], inverse), value[indexOf(s, k)]));
        mixed[indexOf(t, k)] = sum;
      }
    }
  }
  const output = `${layer.name}.output`;
  const bias = layer.bias === true ? weights[`${output}.bias`] : null;
  return { shape, x: affine(mixed, inner, width, (i, k) => weights[`${output}.kernel`][i * width + k], bias) };
}

/** Number `at` after its pair was turned by token * base^(-2 pair / size). */
function turned(
  { rotary }: AttentionSpec,
  values: readonly HyperDual[],
  at: number,
  inner: number,
  size: number,
): HyperDual {
  const k = at % size;
  const half = size / 2;
  const isFirst = rotary?.interleaved === true ? k % 2 === 0 : k < half;
  const pair = rotary?.interleaved === true ? Math.floor(k / 2) : k % half;
  const apart = rotary?.interleaved === true ? 1 : half;
  const angle = Math.floor(at / inner) * (rotary?.base ?? 10000) ** ((-2 * pair) / size);
  const other = values[isFirst ? at + apart : at - apart];
  return add(scale(values[at], Math.cos(angle)), scale(other, (isFirst ? -1 : 1) * Math.sin(angle)));
}
