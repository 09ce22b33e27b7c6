/** What an overlay draws, and over which axes. */

export interface Mark {
  readonly id: string;
  readonly name: string;
  /** Slot of the data colours. */
  readonly colour: number;
  readonly dash: boolean;
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  /** Ends of an interval for each point; NaN where there is none. */
  readonly low?: ArrayLike<number>;
  readonly high?: ArrayLike<number>;
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
