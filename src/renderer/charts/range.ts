/** Ends of an axis, as it lays values out: logarithms where it is logarithmic. */
export interface AxisRange {
  readonly low: number;
  readonly high: number;
}
