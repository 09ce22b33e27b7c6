/** Marks of a panel to drawing nodes. */
import { circle, L, M, polyline, rectangle, Z } from '../path.ts';
import { integerText } from '../numbers.ts';
import { colourOf } from '../palettes.ts';
import type { Mark } from '../types.ts';
import {
  drawPoints,
  lineStroke,
  omissionsOf,
  once,
  ruleWidth,
  trace,
  type DrawnPanel,
  type Omissions,
  type PanelContext,
} from './points.ts';
import { heatmapSize, rasteriseHeatmap } from './raster.ts';
import { canShow } from './scales.ts';
import type { SceneNode } from './scene.ts';
import { thinnedBand, thinnedLine } from './thinning.ts';

export function drawMarks(context: PanelContext): DrawnPanel {
  const { panel, points } = context;
  const out: DrawnPanel = { nodes: [], ink: [], lines: [], notes: [] };
  const total = panel.marks.reduce((sum, mark) => sum + (mark.kind === 'points' ? mark.x.length : 0), 0);
  const mode = points.mode === 'auto' ? (total > points.limit ? 'raster' : 'vector') : points.mode;
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

/** More than two points a pixel are more than a screen shows. */
function isThinned(count: number, { onScreen, frame }: PanelContext): boolean {
  return onScreen && count > 2 * frame.width;
}

function drawMark(
  mark: Mark,
  context: PanelContext,
  mode: 'vector' | 'raster' | 'thin',
  out: DrawnPanel,
  omissions: Map<string, Omissions>,
): void {
  const { frame, panel, x, y, style, points, domainX } = context;
  const clip = (children: SceneNode[]): void => {
    out.nodes.push({ kind: 'clip', ...frame, children });
  };
  switch (mark.kind) {
    case 'points':
      drawPoints(mark, context, mode, out, omissions);
      return;
    case 'line': {
      const omitted = omissionsOf(mark.what ?? 'values', omissions);
      omitted.total += mark.x.length;
      mark.x.forEach((value, k) => {
        if (canShow(value, panel.x.scale) && canShow(mark.y[k], panel.y.scale)) return;
        if (Number.isNaN(value) || Number.isNaN(mark.y[k])) omitted.missing++;
        else omitted.notPositive++;
      });
      const line = isThinned(mark.x.length, context) ? thinnedLine(mark, x, panel.y.scale) : mark;
      const xs = line.x.map(x);
      const ys = line.y.map(y);
      const path = polyline(xs, ys);
      if (path.length === 0) return;
      if (!context.onScreen) {
        for (let k = 0; k < xs.length; k++)
          if (Number.isFinite(xs[k]) && Number.isFinite(ys[k])) out.ink.push(xs[k], ys[k]);
        trace(xs, ys, out.ink);
      }
      // A single point has no line: a dot stands for it.
      if (path.length === 3)
        clip([
          {
            kind: 'markers',
            shape: circle(0, 0, style.markerSize / 2),
            at: path.slice(1),
            fill: { colour: colourOf(mark.colour, style.palette) },
          },
        ]);
      else clip([{ kind: 'path', path, stroke: lineStroke(style, mark.colour, mark.dash, mark.width, mark.opacity) }]);
      return;
    }
    case 'band': {
      // Where the lower edge cannot be shown on a logarithmic axis the band goes down to the frame.
      const band = isThinned(mark.x.length, context) ? thinnedBand(mark, x) : mark;
      const bottom = frame.y + frame.height;
      const fill = { colour: colourOf(mark.colour, style.palette), opacity: mark.opacity ?? 0.2 };
      const children: SceneNode[] = [];
      let run: number[] = [];
      const flush = (): void => {
        if (run.length > 1) {
          const path = run.flatMap((k, i) => [i === 0 ? M : L, x(band.x[k]), y(band.high[k])]);
          for (const k of run.toReversed())
            path.push(L, x(band.x[k]), band.low[k] > 0 || panel.y.scale !== 'log' ? y(band.low[k]) : bottom);
          path.push(Z);
          children.push({ kind: 'path', path, fill });
        }
        run = [];
      };
      band.x.forEach((value, k) => {
        if (Number.isFinite(x(value)) && Number.isFinite(y(band.high[k])) && !Number.isNaN(band.low[k])) run.push(k);
        else flush();
      });
      flush();
      if (!context.onScreen)
        band.x.forEach((value, k) => {
          const top = y(band.high[k]);
          const low = y(band.low[k]);
          for (let at = top; at <= (Number.isFinite(low) ? low : bottom); at += 6)
            if (Number.isFinite(x(value))) out.ink.push(x(value), at);
        });
      if (children.length > 0) clip(children);
      return;
    }
    case 'rule': {
      const position = mark.axis === 'x' ? x(mark.value) : y(mark.value);
      if (!Number.isFinite(position)) return;
      const path =
        mark.axis === 'x'
          ? [M, position, frame.y, L, position, frame.y + frame.height]
          : [M, frame.x, position, L, frame.x + frame.width, position];
      if (!context.onScreen) trace([path[1], path[4]], [path[2], path[5]], out.lines);
      clip([
        {
          kind: 'path',
          path,
          stroke: lineStroke(style, mark.colour, mark.dash ?? 'solid', ruleWidth(mark, style)),
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
      const straight = panel.x.scale === 'log' && panel.y.scale === 'log';
      const steps = straight ? 1 : 64;
      const xs = Array.from({ length: steps + 1 }, (_, k) =>
        straight || panel.x.scale === 'log' ? from * (to / from) ** (k / steps) : from + ((to - from) * k) / steps,
      );
      const px = xs.map(x);
      const py = xs.map((value) => y(y0 * (value / x0) ** mark.slope));
      const path = polyline(px, py);
      if (path.length === 0) return;
      if (!context.onScreen) trace(px, py, mark.name === 'fit' ? out.ink : out.lines);
      clip([{ kind: 'path', path, stroke: lineStroke(style, mark.colour, mark.dash, mark.width) }]);
      return;
    }
    case 'heatmap': {
      const least = Math.ceil((Math.max(frame.width, frame.height) / 72) * points.dpi);
      const size = heatmapSize(mark, least);
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
          ...size,
          pixels: once(() => rasteriseHeatmap(mark, least)),
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
