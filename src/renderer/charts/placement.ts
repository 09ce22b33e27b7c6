/** Position of a panel of a figure on the screen: its frame, and the limits and maps of its axes, the same as on paper. Lengths in pixels of the chart. */
import { domainOf, inverseOf, scaleOf } from '../../shared/figures/layout/scales.ts';
import type { Domain, Scale } from '../../shared/figures/layout/scales.ts';
import type { Frame } from '../../shared/figures/layout/scene.ts';
import type { Panel } from '../../shared/figures/types.ts';

export interface Placement {
  readonly width: number;
  readonly height: number;
  readonly frame: Frame;
  readonly domainX: Domain;
  readonly domainY: Domain;
  /** Pixels of a value; NaN if the axis cannot show it. */
  readonly x: Scale;
  readonly y: Scale;
  /** The value of x at a pixel. */
  readonly valueOfX: Scale;
}

/** Room for numbers and names of the axes. */
const margin = { left: 64, right: 18, top: 12, bottom: 46 };

export function placePanel(panel: Panel, width: number, height: number): Placement {
  const frame = {
    x: margin.left,
    y: margin.top,
    width: width - margin.left - margin.right,
    height: height - margin.top - margin.bottom,
  };
  const [domainX, domainY] = [domainOf([panel], 'x'), domainOf([panel], 'y')];
  const [right, bottom] = [frame.x + frame.width, frame.y + frame.height];
  return {
    width,
    height,
    frame,
    domainX,
    domainY,
    x: scaleOf(panel.x, domainX, frame.x, right),
    y: scaleOf(panel.y, domainY, bottom, frame.y),
    valueOfX: inverseOf(panel.x, domainX, frame.x, right),
  };
}
