/** Marks of a panel to drawing nodes. */
import { circle, L, M, polyline, rectangle, Z } from '../path.ts';
import { integerText } from '../numbers.ts';
import { colourOf, dashOf, markerOf } from '../palettes.ts';
import type { Colour, Dash, FigureSpec, FigureStyle, MarkerShape, Mark, Panel, Points } from '../types.ts';
import { rasteriseDiscs, rasteriseHeatmap } from './raster.ts';
import type { Domain, Scale } from './scales.ts';
import type { Frame, SceneNode, Stroke } from './scene.ts';

export interface PanelContext {
  readonly spec: FigureSpec;
  readonly panel: Panel;
  readonly frame: Frame;
  readonly x: Scale;
  readonly y: Scale;
  readonly domainX: Domain;
  readonly domainY: Domain;
}

export interface DrawnPanel {
  readonly nodes: SceneNode[];
  /** Places covered by data, x0, y0, x1, y1, ...: the legend keeps away from them. */
  readonly ink: number[];
  /** Statements of what was left out or how it was drawn. */
  readonly notes: string[];
}

/** Points of one kind ("directions") that a panel was given and could not show. */
interface Omissions {
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

export function lineStroke(
  style: FigureStyle,
  colour: Colour,
  dash: Dash | undefined,
  width: number | undefined,
  opacity?: number,
): Stroke {
  const w = width ?? style.lineWidth;
  const lengths = dashLengths(dash ?? dashOf(colour), w);
  return {
    colour: colourOf(colour, style.palette),
    width: w,
    ...(lengths ? { dash: lengths } : { cap: 'round' as const }),
    ...(opacity === undefined ? {} : { opacity }),
  };
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
  style: FigureStyle,
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
export function pointLook(points: Points, style: FigureStyle): { size: number; opacity: number } {
  const n = points.x.length;
  const size =
    points.size ?? (n <= 60 ? style.markerSize : style.markerSize * (n <= 400 ? 0.75 : n <= 5000 ? 0.55 : 0.42));
  return { size, opacity: points.opacity ?? (n <= 60 ? 1 : n <= 400 ? 0.75 : n <= 5000 ? 0.45 : 0.3) };
}

export function drawMarks(context: PanelContext): DrawnPanel {
  const { panel, spec } = context;
  const out: DrawnPanel = { nodes: [], ink: [], notes: [] };
  const total = panel.marks.reduce((sum, mark) => sum + (mark.kind === 'points' ? mark.x.length : 0), 0);
  const mode = spec.points.mode === 'auto' ? (total > spec.points.limit ? 'raster' : 'vector') : spec.points.mode;
  const omissions = new Map<string, Omissions>();
  for (const mark of panel.marks) drawMark(mark, context, mode, out, omissions);
  for (const [what, { total: given, notPositive, beyond, missing }] of omissions) {
    const of = `of ${integerText(given)} ${what}`;
    if (notPositive > 0)
      out.notes.push(`${integerText(notPositive)} ${of} not drawn: not positive on a logarithmic axis`);
    if (beyond > 0) out.notes.push(`${integerText(beyond)} ${of} beyond the limits of the axes`);
    if (missing > 0) out.notes.push(`${integerText(missing)} ${of} without a value`);
  }
  return out;
}

function drawMark(
  mark: Mark,
  context: PanelContext,
  mode: 'vector' | 'raster' | 'thin',
  out: DrawnPanel,
  omissions: Map<string, Omissions>,
): void {
  const { frame, x, y, spec, domainX } = context;
  const { style } = spec;
  const clip = (children: SceneNode[]): void => {
    out.nodes.push({ kind: 'clip', ...frame, children });
  };
  switch (mark.kind) {
    case 'points':
      drawPoints(mark, context, mode, out, omissions);
      return;
    case 'line': {
      let xs = mark.x.map(x);
      let ys = mark.y.map(y);
      if (mark.steps) {
        xs = xs.flatMap((value, k) => (k > 0 ? [value, value] : [value]));
        ys = ys.flatMap((value, k) => (k > 0 ? [ys[k - 1], value] : [value]));
      }
      const path = polyline(xs, ys);
      if (path.length === 0) return;
      for (let k = 0; k < xs.length; k++)
        if (Number.isFinite(xs[k]) && Number.isFinite(ys[k])) out.ink.push(xs[k], ys[k]);
      trace(xs, ys, out.ink);
      // A single point has no line: a dot stands for it.
      if (xs.filter((value, k) => Number.isFinite(value + ys[k])).length === 1)
        clip([
          {
            kind: 'markers',
            shape: circle(0, 0, style.markerSize / 2),
            at: out.ink.slice(-2),
            fill: { colour: colourOf(mark.colour, style.palette) },
          },
        ]);
      else clip([{ kind: 'path', path, stroke: lineStroke(style, mark.colour, mark.dash, mark.width, mark.opacity) }]);
      return;
    }
    case 'band': {
      // Where the lower edge cannot be shown on a logarithmic axis the band goes down to the frame.
      const bottom = frame.y + frame.height;
      const fill = { colour: colourOf(mark.colour, style.palette), opacity: mark.opacity ?? 0.2 };
      const children: SceneNode[] = [];
      let run: number[] = [];
      const flush = (): void => {
        if (run.length > 1) {
          const path = run.flatMap((k, i) => [i === 0 ? M : L, x(mark.x[k]), y(mark.high[k])]);
          for (const k of run.toReversed())
            path.push(L, x(mark.x[k]), mark.low[k] > 0 || context.panel.y.scale !== 'log' ? y(mark.low[k]) : bottom);
          path.push(Z);
          children.push({ kind: 'path', path, fill });
        }
        run = [];
      };
      mark.x.forEach((value, k) => {
        if (Number.isFinite(x(value)) && Number.isFinite(y(mark.high[k])) && !Number.isNaN(mark.low[k])) run.push(k);
        else flush();
      });
      flush();
      if (children.length > 0) clip(children);
      return;
    }
    case 'rule': {
      const at = mark.axis === 'x' ? x(mark.value) : y(mark.value);
      if (!Number.isFinite(at)) return;
      const path =
        mark.axis === 'x'
          ? [M, at, frame.y, L, at, frame.y + frame.height]
          : [M, frame.x, at, L, frame.x + frame.width, at];
      clip([
        {
          kind: 'path',
          path,
          stroke: lineStroke(style, mark.colour, mark.dash ?? 'solid', mark.width ?? style.axisWidth),
        },
      ]);
      return;
    }
    case 'region': {
      const scale = mark.axis === 'x' ? x : y;
      const low = mark.axis === 'x' ? frame.x : frame.y + frame.height;
      const high = mark.axis === 'x' ? frame.x + frame.width : frame.y;
      const place = (value: number, fallback: number): number =>
        Number.isFinite(scale(value)) ? scale(value) : fallback;
      const from = place(mark.from, low);
      const to = place(mark.to, high);
      const path =
        mark.axis === 'x'
          ? rectangle(from, frame.y, to - from, frame.height)
          : rectangle(frame.x, to, frame.width, from - to);
      clip([
        { kind: 'path', path, fill: { colour: colourOf(mark.colour, style.palette), opacity: mark.opacity ?? 0.12 } },
      ]);
      return;
    }
    case 'slope': {
      const [x0, y0] = mark.through;
      const [from, to] = mark.between ?? [domainX.min, domainX.max];
      const straight = context.panel.x.scale === 'log' && context.panel.y.scale === 'log';
      const steps = straight ? 1 : 64;
      const xs = Array.from({ length: steps + 1 }, (_, k) =>
        straight || context.panel.x.scale === 'log'
          ? from * (to / from) ** (k / steps)
          : from + ((to - from) * k) / steps,
      );
      const px = xs.map(x);
      const py = xs.map((value) => y(y0 * (value / x0) ** mark.slope));
      const path = polyline(px, py);
      if (path.length === 0) return;
      trace(px, py, out.ink);
      clip([{ kind: 'path', path, stroke: lineStroke(style, mark.colour, mark.dash, mark.width) }]);
      return;
    }
    case 'histogram': {
      const base = context.panel.y.scale === 'log' ? frame.y + frame.height : y(0);
      const fill = { colour: colourOf(mark.colour, style.palette), opacity: mark.opacity ?? 0.55 };
      const path: number[] = [];
      mark.heights.forEach((height, k) => {
        const top = y(height);
        if (!(height > 0) || !Number.isFinite(top)) return;
        const left = x(mark.edges[k]);
        const right = x(mark.edges[k + 1]);
        path.push(...rectangle(left, top, right - left, base - top));
        for (let t = top; t < base; t += 6) out.ink.push((left + right) / 2, t);
      });
      if (path.length > 0) clip([{ kind: 'path', path, fill }]);
      return;
    }
    case 'heatmap': {
      const pixels = rasteriseHeatmap(mark, Math.ceil((Math.max(frame.width, frame.height) / 72) * spec.points.dpi));
      const left = Math.min(x(mark.x[0]), x(mark.x[1]));
      const right = Math.max(x(mark.x[0]), x(mark.x[1]));
      const top = Math.min(y(mark.y[0]), y(mark.y[1]));
      const bottom = Math.max(y(mark.y[0]), y(mark.y[1]));
      clip([
        {
          kind: 'image',
          x: left,
          y: top,
          width: right - left,
          height: bottom - top,
          ...pixels,
          description: `${mark.rows} x ${mark.columns} matrix`,
        },
      ]);
      return;
    }
    default:
      mark satisfies never;
      throw new Error('unknown mark');
  }
}

/** Points along a polyline, some 6 pt apart. */
function trace(xs: readonly number[], ys: readonly number[], ink: number[]): void {
  for (let k = 1; k < xs.length; k++) {
    const length = Math.hypot(xs[k] - xs[k - 1], ys[k] - ys[k - 1]);
    if (!Number.isFinite(length)) continue;
    for (let s = 6; s < Math.min(length, 5000); s += 6)
      ink.push(xs[k - 1] + ((xs[k] - xs[k - 1]) * s) / length, ys[k - 1] + ((ys[k] - ys[k - 1]) * s) / length);
  }
}

function drawPoints(
  mark: Points,
  context: PanelContext,
  mode: 'vector' | 'raster' | 'thin',
  out: DrawnPanel,
  omissions: Map<string, Omissions>,
): void {
  const { frame, x, y, spec, domainX, domainY } = context;
  const { style } = spec;
  const { size, opacity } = pointLook(mark, style);
  const what = mark.what ?? 'points';
  let at: number[] = [];
  const bars: number[] = [];
  const omitted = omissions.get(what) ?? { total: 0, notPositive: 0, beyond: 0, missing: 0 };
  omissions.set(what, omitted);
  omitted.total += mark.x.length;
  const slack = 1e-6;
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
    at.push(px, py);
    errorBar(
      bars,
      mark.yLow?.[k],
      mark.yHigh?.[k],
      y,
      context.panel.y.scale === 'log' ? domainY.min : -Infinity,
      (value) => [px, value],
    );
    errorBar(
      bars,
      mark.xLow?.[k],
      mark.xHigh?.[k],
      x,
      context.panel.x.scale === 'log' ? domainX.min : -Infinity,
      (value) => [value, py],
    );
  }
  out.ink.push(...at);

  const colour = colourOf(mark.colour, style.palette);
  if (mark.join && at.length > 2) {
    const path = at.flatMap((value, k) => (k % 2 === 0 ? [k === 0 ? M : L, value, at[k + 1]] : []));
    out.nodes.push({
      kind: 'clip',
      ...frame,
      children: [{ kind: 'path', path, stroke: lineStroke(style, mark.colour, mark.join, style.lineWidth * 0.8) }],
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
            ...(opacity < 1 ? { opacity: Math.max(opacity, 0.6) } : {}),
          },
        },
      ],
    });
  if (at.length === 0) return;

  if (mode === 'raster' && mark.x.length > spec.points.limit / 8) {
    const { dpi } = spec.points;
    const area = grown(frame, size);
    const columns = Math.ceil((area.width / 72) * dpi);
    const rows = Math.ceil((area.height / 72) * dpi);
    const pixels = at.map((value, k) =>
      k % 2 === 0 ? ((value - area.x) / area.width) * columns : ((value - area.y) / area.height) * rows,
    );
    const rgba = rasteriseDiscs(columns, rows, pixels, ((size / 2) * dpi) / 72, colour, opacity);
    out.nodes.push({
      kind: 'image',
      x: area.x,
      y: area.y,
      width: area.width,
      height: area.height,
      columns,
      rows,
      rgba,
      description: `${at.length / 2} ${what}`,
    });
    return;
  }
  if (mode === 'thin') {
    const thin = thinned(at, frame, spec.points.limit);
    if (thin.length < at.length) {
      out.notes.push(
        `${integerText(thin.length / 2)} of ${integerText(at.length / 2)} ${what} drawn: the first in each of ${integerText(spec.points.limit)} equal cells of the frame`,
      );
      at = thin;
    }
  }
  const shape = markerShape(mark.marker ?? markerOf(mark.colour), size);
  out.nodes.push({
    kind: 'markers',
    shape: shape.path,
    at,
    ...markerPaint(style, mark.colour, shape.open, size, opacity),
  });
}

function grown(frame: Frame, by: number): Frame {
  return { x: frame.x - by, y: frame.y - by, width: frame.width + 2 * by, height: frame.height + 2 * by };
}

function errorBar(
  bars: number[],
  low: number | undefined,
  high: number | undefined,
  scale: Scale,
  least: number,
  at: (value: number) => [number, number],
): void {
  if (low === undefined || high === undefined || Number.isNaN(low) || Number.isNaN(high)) return;
  const from = scale(Math.max(low, least));
  const to = scale(high);
  if (!Number.isFinite(from) || !Number.isFinite(to)) return;
  bars.push(M, ...at(from), L, ...at(to));
}

/** The first point in each cell of a grid of about `cells` square cells over the frame, in the order of the data. */
export function thinned(at: readonly number[], frame: Frame, cells: number): number[] {
  const side = Math.sqrt((frame.width * frame.height) / cells);
  const columns = Math.max(1, Math.round(frame.width / side));
  const rows = Math.max(1, Math.round(frame.height / side));
  const taken = new Set<number>();
  const out: number[] = [];
  for (let k = 0; k < at.length; k += 2) {
    const i = Math.min(columns - 1, Math.floor(((at[k] - frame.x) / frame.width) * columns));
    const j = Math.min(rows - 1, Math.floor(((at[k + 1] - frame.y) / frame.height) * rows));
    const cell = j * columns + i;
    if (taken.has(cell)) continue;
    taken.add(cell);
    out.push(at[k], at[k + 1]);
  }
  return out;
}
