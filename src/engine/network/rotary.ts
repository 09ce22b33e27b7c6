/**
 * Rotary positions (Su et al., "RoFormer", 2021): in every token's vector of e numbers the pair i is turned by the angle token * base^(-2i / e). A rotation is
 * linear and its transpose is its inverse, so it appears unchanged in all maps of attention.
 */
import type { AttentionSpec } from '../../shared/model.ts';
import type { Backend, Tensor } from '../backend/types.ts';

export class Rotation {
  readonly #tokens: number;
  readonly #size: number;
  /** [tokens * size]: by token and number of a vector. */
  readonly #cosines: Float64Array;
  readonly #sines: Float64Array;
  /** [size, size]: x times it has minus the pair's second number in the place of its first, and the first in the place of the second. */
  readonly #exchange: Float64Array;

  constructor(spec: NonNullable<AttentionSpec['rotary']>, tokens: number, size: number) {
    const { base = 10000, interleaved = false } = spec;
    this.#tokens = tokens;
    this.#size = size;
    this.#cosines = new Float64Array(tokens * size);
    this.#sines = new Float64Array(tokens * size);
    this.#exchange = new Float64Array(size * size);
    for (let pair = 0; pair < size / 2; pair++) {
      const [first, second] = interleaved ? [2 * pair, 2 * pair + 1] : [pair, pair + size / 2];
      this.#exchange[second * size + first] = -1;
      this.#exchange[first * size + second] = 1;
      for (let token = 0; token < tokens; token++) {
        const angle = token * base ** ((-2 * pair) / size);
        for (const at of [first, second]) {
          this.#cosines[token * size + at] = Math.cos(angle);
          this.#sines[token * size + at] = Math.sin(angle);
        }
      }
    }
  }

  /** Rows of tokens [n * tokens, size], turned; or turned back. */
  turn(backend: Backend, x: Tensor, back = false): Tensor {
    const bySample = (rows: Tensor): Tensor => backend.reshape(rows, x.rows / this.#tokens, this.#tokens * this.#size);
    const row = (values: Float64Array): Tensor => backend.from(values, 1, values.length);
    const exchanged = backend.matmul(x, backend.from(this.#exchange, this.#size, this.#size));
    const straight = backend.multiplyRow(bySample(x), row(this.#cosines));
    const across = backend.multiplyRow(bySample(exchanged), row(this.#sines));
    const turned = back ? backend.subtract(straight, across) : backend.add(straight, across);
    return backend.reshape(turned, x.rows, this.#size);
  }
}
