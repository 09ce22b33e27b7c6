/** H times a vector over the samples of one half or of both: every worker processes its lanes, and the lanes' sums are added in order. */
import { hessianProductTask } from './tasks.ts';
import type { Real } from '../../blas/types.ts';
import type { Pool } from '../../parallel/pool.ts';
import type { DeviceProducts } from '../device/products.ts';
import type { Half } from '../moments.ts';
import type { SamplePlan } from './plan.ts';

export class HessianOperator {
  readonly #pool: Pool;
  readonly #plan: SamplePlan;
  readonly #d: number;
  readonly #slots: Real;
  readonly #device: DeviceProducts | null;
  readonly #overflow: () => Error;
  /** Products done, in units of a pass over all samples. */
  passes = 0;

  /**
   * `openProblem` and `openProjected` must have run in every worker.
   * @param overflow the error for sums that leave the range of doubles.
   * @param device makes the products of `apply` in float32, if given.
   */
  constructor(pool: Pool, plan: SamplePlan, d: number, overflow: () => Error, device: DeviceProducts | null = null) {
    this.#pool = pool;
    this.#plan = plan;
    this.#d = d;
    this.#overflow = overflow;
    this.#device = device;
    this.#slots = pool.allocate('float64', plan.lanes.length * d);
  }

  /** out = H v = mean_p h_p v over the samples of the halves; v and out [d], v in the pool's memory. */
  async apply(v: Real, out: Real, halves: readonly Half[] = ['A', 'B']): Promise<void> {
    if (this.#device === null) return this.applyExactly(v, out, halves);
    const { A, B } = this.#plan.sizes;
    const from = halves.includes('A') ? 0 : A;
    const to = halves.includes('B') ? A + B : A;
    out.fill(0);
    await this.#device.add(v, out, from, to);
    for (let i = 0; i < this.#d; i++) out[i] /= to - from;
    this.passes += (to - from) / (A + B);
  }

  /** The same in float64 in the worker threads, even if a device computes the others. */
  async applyExactly(v: Real, out: Real, halves: readonly Half[] = ['A', 'B']): Promise<void> {
    const lanes = this.#plan.lanes.flatMap((lane, l) => (halves.includes(lane.half) ? [l] : []));
    const direction = this.#pool.reference(v);
    const slots = this.#pool.reference(this.#slots);
    await this.#pool.runEverywhere(hessianProductTask, { direction, slots, lanes });
    this.sum(lanes, halves, out);
  }

  /** out = the mean over the samples of the halves of what the lanes' rows hold as sums. Raises the error given for those that leave the range of doubles. */
  sum(lanes: readonly number[], halves: readonly Half[], out: Real): void {
    const size = halves.reduce((total, half) => total + this.#plan.sizes[half], 0);
    const d = this.#d;
    this.passes += size / (this.#plan.sizes.A + this.#plan.sizes.B);
    out.fill(0);
    for (const lane of lanes) {
      const offset = lane * d;
      for (let i = 0; i < d; i++) out[i] += this.#slots[offset + i];
    }
    let total = 0;
    for (let i = 0; i < d; i++) total += out[i] /= size;
    if (!Number.isFinite(total)) throw this.#overflow();
  }

  /** The row [d] of a lane, for a task that fills it. */
  slot(lane: number): Real {
    return this.#slots.subarray(lane * this.#d, (lane + 1) * this.#d);
  }

  release(): void {
    this.#pool.blas.release(this.#slots);
  }
}
