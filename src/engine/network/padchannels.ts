/** Zeros before and after the numbers of the last axis. */
import type { PadChannelsSpec } from '../../shared/model.ts';
import type { Backend, Tensor } from '../backend/types.ts';
import { LinearLayer } from './linear.ts';
import { consecutive } from './tokens.ts';
import type { LayerPlace } from './types.ts';

export class PadChannelsLayer extends LinearLayer {
  readonly #before: number;
  readonly #own: number;
  readonly #after: number;

  constructor({ before = 0, after = 0 }: PadChannelsSpec, inputShape: readonly number[], place: LayerPlace) {
    const channels = inputShape[inputShape.length - 1];
    super(`${place} (padchannels)`, inputShape.with(-1, before + channels + after));
    this.#before = before;
    this.#own = channels;
    this.#after = after;
  }

  protected override map(backend: Backend, x: Tensor): Tensor {
    const zeros = (count: number): Tensor[] => (count === 0 ? [] : [backend.zeros(x.rows, count)]);
    return backend.concatColumns([...zeros(this.#before), x, ...zeros(this.#after)]);
  }

  protected override transpose(backend: Backend, y: Tensor): Tensor {
    return backend.columnsOf(y, consecutive(this.#before, this.#own));
  }
}
