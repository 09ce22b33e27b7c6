/** What an overlay draws, and over which axes. */
import type { Look } from './looks.ts';

export interface Mark extends Look {
  readonly id: string;
  readonly name: string;
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  /** Ends of an interval for each point; NaN where there is none. */
  readonly low?: ArrayLike<number>;
  readonly high?: ArrayLike<number>;
  /** Where each point is a direction: its number, from 1; and what they are directions of (`directionsKey`). */
  readonly directions?: ArrayLike<number>;
  readonly of?: string;
}
export interface Axis {
  readonly name: string;
  /** The name as ECharts' rich text: `{i|H}{s|ii}`. */
  readonly rich?: string;
  readonly log?: boolean;
  readonly percent?: boolean;
  readonly integers?: boolean;
  /** x alone: places 0, 1, ... have names. */
  readonly categories?: readonly string[];
}

/** A mark in pixels. */
export interface Drawn {
  readonly mark: Mark;
  /** x and y of each point; NaN where it cannot be shown. */
  readonly points: Float32Array;
  /** y of both ends of each point's interval. */
  readonly ends: Float32Array | null;
  /** Pixels that the intervals stand to the right of their points: where several marks share an x, so that none covers another. */
  readonly barShift: number;
  /** Whether another mark has a point at the same x: dots are seen through. */
  readonly shared: boolean;
}

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export interface Painting {
  /** line: joined, intervals as a band; points: small dots; bars: dots with error bars, joined where `joined`. */
  readonly kind: 'line' | 'points' | 'bars';
  readonly joined: boolean;
  /** Thin lines between marks, under them: x and y of each point. */
  readonly lines?: readonly (readonly number[])[];
  /** Colour of those lines. */
  readonly strong: string;
  readonly colours: readonly string[];
  readonly paper: string;
}
