/** A panel of a figure on a canvas: its marks as paper has them, in the colours of the theme, and its axes with numbers in the font of the window. */
import { drawMarks } from '../../shared/figures/layout/marks.ts';
import type { DrawnPanel } from '../../shared/figures/layout/points.ts';
import { clearTicks } from '../../shared/figures/ticks.ts';
import type { Tick } from '../../shared/figures/ticks.ts';
import { powerText } from '../../shared/figures/numbers.ts';
import type { Axis, Panel } from '../../shared/figures/types.ts';
import type { ChartColours } from './colours.ts';
import { paintScene } from './paint-scene.ts';
import type { Placement } from './placement.ts';

/** Sizes of marks in pixels. */
export const screenSizes = { axisWidth: 1, lineWidth: 1.5, markerSize: 7 } as const;
const numberSize = 11.5;
const font = `${numberSize}px 'Inter Variable', system-ui, sans-serif`;
const ticksLength = { major: 6, minor: 3 };

/** The marks of a panel in pixels of the chart, with statements of what could not be shown. */
export function drawOnScreen(
  panel: Panel,
  { frame, x, y, domainX, domainY }: Placement,
  colours: ChartColours,
): DrawnPanel {
  return drawMarks({
    style: { ...screenSizes, palette: colours },
    points: { mode: 'vector', limit: Infinity, dpi: 96 },
    panel,
    frame,
    x,
    y,
    domainX,
    domainY,
    onScreen: true,
  });
}

/** `ratio`: pixels of the screen for one of the chart. */
export function paintOnCanvas(
  canvas: HTMLCanvasElement,
  { nodes }: DrawnPanel,
  panel: Panel,
  placement: Placement,
  colours: ChartColours,
  ratio: number,
): void {
  canvas.width = Math.round(placement.width * ratio);
  canvas.height = Math.round(placement.height * ratio);
  const context = canvas.getContext('2d');
  if (context === null) return;
  context.scale(ratio, ratio);
  paintScene(context, nodes, ratio);
  paintAxes(context, panel, placement, colours);
}

function paintAxes(
  context: CanvasRenderingContext2D,
  panel: Panel,
  { width, frame, x, y, domainX, domainY }: Placement,
  colours: ChartColours,
): void {
  const [left, bottom] = [Math.round(frame.x) - 0.5, Math.round(frame.y + frame.height) + 0.5];
  context.font = font;
  context.strokeStyle = colours.faint;
  context.lineWidth = 1;
  context.setLineDash([]);
  context.beginPath();
  context.moveTo(left, frame.y);
  context.lineTo(left, bottom);
  context.lineTo(frame.x + frame.width, bottom);
  const across = ticksOf(panel.x, domainX, frame.width, (text) => context.measureText(text).width);
  for (const { value, major } of across) {
    const position = Math.round(x(value)) + 0.5;
    context.moveTo(position, bottom);
    context.lineTo(position, bottom + (major ? ticksLength.major : ticksLength.minor));
  }
  const upright = ticksOf(panel.y, domainY, frame.height);
  for (const { value, major } of upright) {
    const position = Math.round(y(value)) + 0.5;
    context.moveTo(left, position);
    context.lineTo(left - (major ? ticksLength.major : ticksLength.minor), position);
  }
  context.stroke();
  context.fillStyle = colours.muted;
  context.textAlign = 'center';
  context.textBaseline = 'top';
  for (const { value, text } of across) {
    const half = context.measureText(text).width / 2;
    context.fillText(text, Math.min(width - half - 1, x(value)), bottom + 9);
  }
  context.textAlign = 'right';
  context.textBaseline = 'middle';
  for (const { value, text } of upright) context.fillText(text, left - 9, y(value));
}

interface WrittenTick {
  readonly value: number;
  readonly major: boolean;
  readonly text: string;
}

/** Ticks with their labels. `widthOf` is left out for an upright axis. */
function ticksOf(
  axis: Axis,
  { min, max }: { readonly min: number; readonly max: number },
  length: number,
  widthOf?: (text: string) => number,
): WrittenTick[] {
  if (axis.scale === 'category') return namesOf(axis.categories ?? [], length, widthOf);
  const { scale, integers = false } = axis;
  const width = widthOf === undefined ? undefined : (tick: Tick): number => widthOf(textOf(tick));
  return clearTicks({ scale, integers, min, max }, length, numberSize, width).map((tick) => ({
    ...tick,
    text: textOf(tick),
  }));
}

/** Names that are wider than their place are cut. */
function namesOf(names: readonly string[], length: number, widthOf?: (text: string) => number): WrittenTick[] {
  const room = length / names.length - 4;
  return names.map((name, value) => {
    let text = name.replaceAll('\\$', '$');
    while (widthOf !== undefined && text.length > 3 && widthOf(text) > room) text = `${text.replace(/.…?$/u, '')}…`;
    return { value, major: true, text };
  });
}

function textOf({ label }: Tick): string {
  if (label === undefined) return '';
  if ('text' in label) return label.text;
  return label.mantissa === '' ? powerText(label.exponent) : `${label.mantissa} × ${powerText(label.exponent)}`;
}
