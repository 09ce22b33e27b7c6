/** The data that an overlay draws. */
import type { Look } from './looks.ts';

export interface OverlayMark extends Look {
  readonly id: string;
  readonly name: string;
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  /** Ends of an interval for each point; NaN if there is none. */
  readonly low?: ArrayLike<number> | undefined;
  readonly high?: ArrayLike<number> | undefined;
  /** Where each point is a direction: its number, from 1; and what they are directions of (`directionsKey`). */
  readonly directions?: ArrayLike<number>;
  readonly of?: string;
}
