/** Axes: ticks measured before the frames are placed, and drawn after. */
import type { FontLibrary } from '../fonts/library.ts';
import { colourOf } from '../palettes.ts';
import { L, M } from '../path.ts';
import { joinedBoxes, moved, shapeText, type TextBox } from '../text/box.ts';
import { setLabel } from '../text/label.ts';
import { chosenTicks, clearTicks, type Tick } from '../ticks.ts';
import type { Axis, FigureStyle } from '../types.ts';
import type { Domain, Scale } from './scales.ts';
import type { Frame, SceneNode } from './scene.ts';

export interface PlacedTick {
  readonly tick: Tick;
  readonly box?: TextBox;
}

export interface AxisTicks {
  readonly ticks: readonly PlacedTick[];
  /** Largest width and height of the numbers; slanted names count as drawn. */
  readonly width: number;
  readonly height: number;
  /** Degrees by which names of a category axis are turned because they would not fit side by side. */
  readonly angle: number;
}

/** Lengths that depend on the style, in points. */
export function lengths(style: FigureStyle): { major: number; minor: number; gap: number; labelGap: number } {
  const unit = style.tickSize / 7;
  return { major: 2.8 * unit, minor: 1.6 * unit, gap: 1.6 * unit, labelGap: 2.4 * unit };
}

/** 10^k in the text font with a raised exponent, after "m x " where there is a mantissa. */
export function powerBox(
  mantissa: string,
  exponent: number,
  fonts: FontLibrary,
  style: FigureStyle,
  size: number,
): TextBox {
  const base = shapeText(mantissa === '' ? '10' : `${mantissa} × 10`, fonts, style.font, 'regular', size);
  const raised = shapeText(String(exponent).replace('-', '−'), fonts, style.font, 'regular', size * 0.72);
  const up = moved(raised, 0, -size * 0.36);
  return {
    ...joinedBoxes([base, up], `${base.text}^${raised.text}`),
    ascent: Math.max(base.ascent, up.ascent),
    descent: base.descent,
  };
}

function tickBox(tick: Tick, fonts: FontLibrary, style: FigureStyle): TextBox | undefined {
  if (!tick.label) return undefined;
  if ('text' in tick.label) return shapeText(tick.label.text, fonts, style.font, 'regular', style.tickSize);
  return powerBox(tick.label.mantissa, tick.label.exponent, fonts, style, style.tickSize);
}

/** Ticks of an axis of a length. Horizontal axes need room for widths, vertical ones for heights. */
export function axisTicks(
  axis: Axis,
  domain: Domain,
  length: number,
  horizontal: boolean,
  fonts: FontLibrary,
  style: FigureStyle,
): AxisTicks {
  if (axis.scale === 'category') return categoryTicks(axis, length, horizontal, fonts, style);
  const widthOf = (tick: Tick): number => tickBox(tick, fonts, style)?.width ?? 0;
  const along = { scale: axis.scale, integers: axis.integers ?? false, min: domain.min, max: domain.max };
  const ticks =
    chosenTicks(along, axis.at ?? [], length, style.tickSize, horizontal ? widthOf : undefined) ??
    clearTicks(along, length, style.tickSize, horizontal ? widthOf : undefined);
  const placed = ticks.map((tick) => ({ tick, ...optional(tickBox(tick, fonts, style)) }));
  const boxes = placed.flatMap((entry) => (entry.box ? [entry.box] : []));
  return {
    ticks: placed,
    width: Math.max(0, ...boxes.map((box) => box.width)),
    height: Math.max(0, ...boxes.map((box) => box.ascent)),
    angle: 0,
  };
}

function optional(box: TextBox | undefined): { box?: TextBox } {
  return box ? { box } : {};
}

function categoryTicks(
  axis: Axis,
  length: number,
  horizontal: boolean,
  fonts: FontLibrary,
  style: FigureStyle,
): AxisTicks {
  const names = axis.categories ?? [];
  const slot = length / Math.max(1, names.length);
  const set = (maxWidth: number): TextBox[] =>
    names.map((name) =>
      setLabel(name, fonts, {
        family: style.font,
        size: style.tickSize,
        maxWidth,
        align: horizontal ? 'center' : 'right',
      }),
    );
  const ticksOf = (boxes: readonly TextBox[]): PlacedTick[] =>
    boxes.map((box, k) => ({ tick: { value: k, major: true, label: { text: box.text } }, box }));
  if (!horizontal) {
    const boxes = set(90);
    return {
      ticks: ticksOf(boxes),
      width: Math.max(0, ...boxes.map((box) => box.width)),
      height: style.tickSize,
      angle: 0,
    };
  }
  const boxes = set(Infinity);
  const widest = Math.max(0, ...boxes.map((box) => box.width));
  // Names side by side as long as neighbours stand clear of each other: a long one may reach over a short one's room, and past the ends of the axis a little.
  const clear = boxes.every(
    (box, k) =>
      (k === 0 || (boxes[k - 1].width + box.width) / 2 + 0.5 * style.tickSize <= slot) &&
      ((k > 0 && k < boxes.length - 1) || box.width <= slot + 3 * style.tickSize),
  );
  if (clear)
    return { ticks: ticksOf(boxes), width: widest, height: Math.max(0, ...boxes.map((box) => box.ascent)), angle: 0 };
  // Slanted names: as tall as they are wide, within reason; longer ones are wrapped.
  const angle = slot > 1.3 * style.tickSize ? 40 : 90;
  const short = set(14 * style.tickSize);
  const radians = (angle * Math.PI) / 180;
  const height = Math.max(
    0,
    ...short.map(
      (box) => box.width * Math.sin(radians) + box.ascent * Math.cos(radians) + box.descent * Math.cos(radians),
    ),
  );
  return { ticks: ticksOf(short), width: 0, height, angle };
}

export interface AxisDrawing {
  readonly axis: Axis;
  readonly ticks: AxisTicks;
  readonly scale: Scale;
  readonly frame: Frame;
  /** Inner axes of panels that share theirs have ticks and no numbers. */
  readonly numbers: boolean;
}

export interface PlacedText {
  readonly box: TextBox;
  readonly x: number;
  readonly y: number;
  readonly angle: number;
  readonly role: string;
}

export function drawAxis(
  { axis, ticks, scale, frame, numbers }: AxisDrawing,
  horizontal: boolean,
  style: FigureStyle,
): { nodes: SceneNode[]; texts: PlacedText[] } {
  const { major, minor, gap } = lengths(style);
  const colour = colourOf('ink', style.palette);
  const bottom = frame.y + frame.height;
  const longPath: number[] = horizontal
    ? [M, frame.x, bottom, L, frame.x + frame.width, bottom]
    : [M, frame.x, frame.y, L, frame.x, bottom];
  const shortPath: number[] = [];
  const texts: PlacedText[] = [];
  for (const { tick, box } of ticks.ticks) {
    const position = scale(tick.value);
    if (!Number.isFinite(position)) continue;
    const reach = axis.scale === 'category' ? minor : tick.major ? major : minor;
    (tick.major ? longPath : shortPath).push(
      ...(horizontal
        ? [M, position, bottom, L, position, bottom + reach]
        : [M, frame.x, position, L, frame.x - reach, position]),
    );
    if (!box || !numbers) continue;
    if (!horizontal) {
      const lines = box.ascent + box.descent > 1.5 * style.tickSize;
      const middle = lines ? (box.descent - box.ascent) / 2 : 0;
      texts.push({
        box,
        x: frame.x - major - gap - box.width,
        y: position - middle + (lines ? 0 : 0.34 * style.tickSize),
        angle: 0,
        role: 'tick',
      });
    } else if (ticks.angle === 0)
      texts.push({ box, x: position - box.width / 2, y: bottom + major + gap + ticks.height, angle: 0, role: 'tick' });
    else {
      // The end of the name is under its tick.
      const radians = (ticks.angle * Math.PI) / 180;
      const top = bottom + major + gap;
      const half = 0.34 * style.tickSize;
      texts.push({
        box,
        x: position - box.width * Math.cos(radians) + half * Math.sin(radians),
        y: top + box.width * Math.sin(radians) + half * Math.cos(radians) + (ticks.angle < 90 ? half * 0.6 : 0),
        angle: ticks.angle,
        role: 'tick',
      });
    }
  }
  const nodes: SceneNode[] = [
    { kind: 'path', path: longPath, stroke: { colour, width: style.axisWidth, cap: 'square' } },
  ];
  if (shortPath.length > 0)
    nodes.push({ kind: 'path', path: shortPath, stroke: { colour, width: style.axisWidth * 0.8 } });
  return { nodes, texts };
}
