/** Points: markers with error bars, drawn one by one, thinned, or as pixels; and the count of those that cannot be shown. */
import type { Colour, Dash, MarkerShape } from '../appearance.ts';
import { circle, L, M, rectangle, Z } from '../path.ts';
import { integerText } from '../numbers.ts';
import { colourOf, dashOf, markerOf, type PaletteName, type ScreenColours } from '../palettes.ts';
import type { FigureStyle, Panel, PointRule, Points, Rule } from '../types.ts';
import { rasteriseDiscs } from './raster.ts';
import type { Domain, Scale } from './scales.ts';
import type { Frame, SceneNode, Stroke } from './scene.ts';

/** How marks look: on paper a figure's style, on a screen sizes in its pixels and the colours of the theme. */
export interface MarkStyle extends Pick<FigureStyle, 'axisWidth' | 'lineWidth' | 'markerSize'> {
  readonly palette: PaletteName | ScreenColours;
}

export interface PanelContext {
  readonly style: MarkStyle;
  readonly points: PointRule;
  readonly panel: Panel;
  readonly frame: Frame;
  readonly x: Scale;
  readonly y: Scale;
  readonly domainX: Domain;
  readonly domainY: Domain;
  /** For a screen: lines of no more points than its pixels show, and no record of the places that marks cover, which a legend in the frame keeps away from. */
  readonly onScreen: boolean;
}

export interface DrawnPanel {
  readonly nodes: SceneNode[];
  /** Places covered by data, x0, y0, x1, y1, ...: the legend keeps away from them. */
  readonly ink: number[];
  /** The same for reference lines, which a legend may lie over if it must. */
  readonly lines: number[];
  /** Statements of what was left out or how it was drawn. */
  readonly notes: string[];
}

/** Points of one kind ("directions") that a panel could not show. */
export interface Omissions {
  total: number;
  notPositive: number;
  beyond: number;
  missing: number;
}

export function dashLengths(dash: Dash, width: number): readonly number[] | undefined {
  switch (dash) {
    case 'solid':
      return undefined;
    case 'dashed':
      return [4 * width, 2.2 * width];
    case 'dotted':
      return [1 * width, 1.8 * width];
    case 'dash-dot':
      return [5 * width, 1.8 * width, 1 * width, 1.8 * width];
    case 'long-dash':
      return [8 * width, 2.5 * width];
    default:
      dash satisfies never;
      throw new Error(`unknown dash: ${String(dash)}`);
  }
}

/** `width`: as a multiple of the style's line width. */
export function lineStroke(
  style: MarkStyle,
  colour: Colour,
  dash: Dash | undefined,
  width: number | undefined,
  opacity?: number,
): Stroke {
  const w = style.lineWidth * (width ?? 1);
  const lengths = dashLengths(dash ?? dashOf(colour), w);
  return {
    colour: colourOf(colour, style.palette),
    width: w,
    dash: lengths,
    cap: lengths ? undefined : 'round',
    opacity,
  };
}

/** Rules go with the axes: their width as a multiple of the style's line width. */
export function ruleWidth(mark: Rule, style: MarkStyle): number {
  return ((mark.width ?? 1) * style.axisWidth) / style.lineWidth;
}

/** The outline of a marker of a diameter, and whether it is drawn by its line alone. */
export function markerShape(shape: MarkerShape, size: number): { path: number[]; open: boolean } {
  const r = size / 2;
  switch (shape) {
    case 'circle':
      return { path: circle(0, 0, r), open: false };
    case 'circle-open':
      return { path: circle(0, 0, r * 0.92), open: true };
    case 'square':
      return { path: rectangle(-r * 0.88, -r * 0.88, r * 1.76, r * 1.76), open: false };
    case 'square-open':
      return { path: rectangle(-r * 0.8, -r * 0.8, r * 1.6, r * 1.6), open: true };
    case 'triangle':
      return { path: [M, 0, -r * 1.15, L, r * 1.05, r * 0.7, L, -r * 1.05, r * 0.7, Z], open: false };
    case 'diamond':
      return { path: [M, 0, -r * 1.2, L, r * 1.2, 0, L, 0, r * 1.2, L, -r * 1.2, 0, Z], open: false };
    case 'plus':
      return { path: [M, -r, 0, L, r, 0, M, 0, -r, L, 0, r], open: true };
    case 'cross':
      return {
        path: [M, -r * 0.8, -r * 0.8, L, r * 0.8, r * 0.8, M, -r * 0.8, r * 0.8, L, r * 0.8, -r * 0.8],
        open: true,
      };
    default:
      shape satisfies never;
      throw new Error(`unknown marker: ${String(shape)}`);
  }
}

/** Fill and stroke of a marker. */
export function markerPaint(
  style: MarkStyle,
  colour: Colour,
  open: boolean,
  size: number,
  opacity: number,
): { fill?: { colour: string; opacity?: number }; stroke?: Stroke } {
  const hex = colourOf(colour, style.palette);
  const faded = opacity < 1 ? { opacity } : {};
  if (open) return { stroke: { colour: hex, width: Math.max(0.5, size * 0.22), ...faded } };
  return { fill: { colour: hex, ...faded } };
}

/** Size and opacity of the markers of a series by the number of points. */
export function pointLook(points: Points, style: MarkStyle, n = points.x.length): { size: number; opacity: number } {
  const size =
    points.size ?? (n <= 60 ? style.markerSize : style.markerSize * (n <= 400 ? 0.75 : n <= 5000 ? 0.55 : 0.42));
  return { size, opacity: points.opacity ?? (n <= 60 ? 1 : n <= 400 ? 0.75 : n <= 5000 ? 0.45 : 0.3) };
}

export function omissionsOf(what: string, omissions: Map<string, Omissions>): Omissions {
  const counts = omissions.get(what) ?? { total: 0, notPositive: 0, beyond: 0, missing: 0 };
  omissions.set(what, counts);
  return counts;
}

/** Points along a polyline, some 6 pt apart. */
export function trace(xs: readonly number[], ys: readonly number[], ink: number[]): void {
  for (let k = 1; k < xs.length; k++) {
    const length = Math.hypot(xs[k] - xs[k - 1], ys[k] - ys[k - 1]);
    if (!Number.isFinite(length)) continue;
    ink.push(xs[k - 1], ys[k - 1], xs[k], ys[k]);
    for (let s = 6; s < Math.min(length, 5000); s += 6)
      ink.push(xs[k - 1] + ((xs[k] - xs[k - 1]) * s) / length, ys[k - 1] + ((ys[k] - ys[k - 1]) * s) / length);
  }
}

export function drawPoints(
  mark: Points,
  context: PanelContext,
  mode: 'vector' | 'raster' | 'thin',
  out: DrawnPanel,
  omissions: Map<string, Omissions>,
): void {
  const { frame, x, y, style, points: rule, domainY } = context;
  const what = mark.what ?? 'points';
  const shown = shownPoints(mark, x, y, frame, mode === 'thin' ? rule.limit : Infinity);
  const { indices, at } = shown;
  const omitted = omissionsOf(what, omissions);
  omitted.total += mark.x.length;
  omitted.missing += shown.missing;
  omitted.notPositive += shown.notPositive;
  omitted.beyond += shown.beyond;
  if (shown.thinnedFrom)
    out.notes.push(
      `${integerText(indices.length)} of ${integerText(shown.thinnedFrom.count)} ${what} drawn: the first in each cell of a grid of ${shown.thinnedFrom.side.toFixed(2)} pt`,
    );
  const bars: number[] = [];
  const leastY = context.panel.y.scale === 'log' ? domainY.min : -Infinity;
  indices.forEach((k, i) => {
    errorBar(bars, at[2 * i] + (mark.barShift ?? 0), mark.yLow?.[k], mark.yHigh?.[k], y, leastY);
  });
  if (!context.onScreen) {
    for (const value of at) out.ink.push(value);
    for (let k = 0; k < bars.length; k += 6) trace([bars[k + 1], bars[k + 4]], [bars[k + 2], bars[k + 5]], out.ink);
  }

  const { size, opacity } = pointLook(mark, style, mode === 'thin' ? Math.min(mark.x.length, rule.limit) : undefined);
  const colour = colourOf(mark.colour, style.palette);
  if (mark.join && at.length > 2) {
    const even = (_: number, k: number): boolean => k % 2 === 0;
    if (!context.onScreen)
      trace(
        at.filter(even),
        at.filter((value, k) => !even(value, k)),
        out.ink,
      );
    const path = at.flatMap((value, k) => (k % 2 === 0 ? [k === 0 ? M : L, value, at[k + 1]] : []));
    out.nodes.push({
      kind: 'clip',
      ...frame,
      children: [{ kind: 'path', path, stroke: lineStroke(style, mark.colour, mark.join, 0.8) }],
    });
  }
  if (bars.length > 0)
    out.nodes.push({
      kind: 'clip',
      ...grown(frame, 1),
      children: [
        {
          kind: 'path',
          path: bars,
          stroke: {
            colour,
            width: Math.max(0.5, style.lineWidth * 0.75),
            opacity: opacity < 1 ? Math.max(opacity, 0.6) : undefined,
          },
        },
      ],
    });
  if (at.length === 0) return;
  if (mode === 'raster' && mark.x.length > rule.limit / 8) {
    const { dpi } = rule;
    // Only as large as needed for the points.
    const area = grown(extent(at), size);
    const columns = Math.ceil((area.width / 72) * dpi);
    const rows = Math.ceil((area.height / 72) * dpi);
    out.nodes.push({
      kind: 'image',
      x: area.x,
      y: area.y,
      width: area.width,
      height: area.height,
      columns,
      rows,
      pixels: once(() =>
        rasteriseDiscs(
          columns,
          rows,
          at.map((value, k) =>
            k % 2 === 0 ? ((value - area.x) / area.width) * columns : ((value - area.y) / area.height) * rows,
          ),
          ((size / 2) * dpi) / 72,
          colour,
          opacity,
        ),
      ),
      description: `${at.length / 2} ${what}`,
    });
    return;
  }
  const shape = markerShape(mark.marker ?? markerOf(mark.colour), size);
  out.nodes.push({
    kind: 'markers',
    shape: shape.path,
    at,
    ...markerPaint(style, mark.colour, shape.open, size, opacity),
  });
}

function extent(at: readonly number[]): Frame {
  let left = Infinity;
  let top = Infinity;
  let right = -Infinity;
  let bottom = -Infinity;
  for (let k = 0; k < at.length; k += 2) {
    left = Math.min(left, at[k]);
    right = Math.max(right, at[k]);
    top = Math.min(top, at[k + 1]);
    bottom = Math.max(bottom, at[k + 1]);
  }
  return { x: left, y: top, width: right - left, height: bottom - top };
}

/** Computes a value the first time it is needed. */
export function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

function grown(frame: Frame, by: number): Frame {
  return { x: frame.x - by, y: frame.y - by, width: frame.width + 2 * by, height: frame.height + 2 * by };
}

function errorBar(
  bars: number[],
  x: number,
  low: number | undefined,
  high: number | undefined,
  scale: Scale,
  least: number,
): void {
  if (low === undefined || high === undefined || Number.isNaN(low) || Number.isNaN(high)) return;
  const from = scale(Math.max(low, least));
  const to = scale(high);
  if (!Number.isFinite(from) || !Number.isFinite(to)) return;
  bars.push(M, x, from, L, x, to);
}

/**
 * At most `most` points: the first, in the order of the data, in each cell of the finest grid of square cells over the frame that leaves at most this many.
 * `at`: x0, y0, x1, y1, ... Returns the places of those kept and the side of a cell in points.
 */
export function thinned(at: readonly number[], frame: Frame, most: number): { kept: number[]; side: number } {
  const count = at.length / 2;
  const within = (side: number): number[] => {
    const taken = new Set<number>();
    const out: number[] = [];
    for (let k = 0; k < count; k++) {
      const cell = Math.floor((at[2 * k + 1] - frame.y) / side) * 65536 + Math.floor((at[2 * k] - frame.x) / side);
      if (taken.has(cell)) continue;
      taken.add(cell);
      out.push(k);
    }
    return out;
  };
  if (count <= most) return { kept: Array.from({ length: count }, (_, k) => k), side: 0 };
  let low = 0;
  let high = Math.max(frame.width, frame.height);
  let best = within(high);
  for (let round = 0; round < 16; round++) {
    const side = (low + high) / 2;
    const remaining = within(side);
    if (remaining.length <= most) {
      high = side;
      best = remaining;
    } else low = side;
  }
  return { kept: best, side: high };
}

export interface ShownPoints {
  /** Places in the series of the points that are drawn, and where: x0, y0, x1, y1, ... */
  readonly indices: number[];
  readonly at: number[];
  readonly notPositive: number;
  readonly beyond: number;
  readonly missing: number;
  /** Points before thinning and the side of a cell, where some were thinned out. */
  readonly thinnedFrom?: { readonly count: number; readonly side: number };
}

/** Which points of a series are drawn within a frame. `most`: the number to thin down to. */
export function shownPoints(mark: Points, x: Scale, y: Scale, frame: Frame, most = Infinity): ShownPoints {
  const slack = 1e-6;
  let indices: number[] = [];
  let at: number[] = [];
  const omitted = { notPositive: 0, beyond: 0, missing: 0 };
  for (let k = 0; k < mark.x.length; k++) {
    if (Number.isNaN(mark.x[k]) || Number.isNaN(mark.y[k])) {
      omitted.missing++;
      continue;
    }
    const px = x(mark.x[k]);
    const py = y(mark.y[k]);
    if (!Number.isFinite(px) || !Number.isFinite(py)) {
      omitted.notPositive++;
      continue;
    }
    if (
      px < frame.x - slack ||
      px > frame.x + frame.width + slack ||
      py < frame.y - slack ||
      py > frame.y + frame.height + slack
    ) {
      omitted.beyond++;
      continue;
    }
    indices.push(k);
    at.push(px, py);
  }
  const count = indices.length;
  if (count <= most) return { indices, at, ...omitted };
  const { kept, side } = thinned(at, frame, most);
  indices = kept.map((k) => indices[k]);
  at = kept.flatMap((k) => [at[2 * k], at[2 * k + 1]]);
  return { indices, at, ...omitted, thinnedFrom: { count, side } };
}
