/** The scale of colours beside a matrix: a strip with ticks on its right. */
import type { FontLibrary } from '../fonts/library.ts';
import { colourOf, mapColour } from '../palettes.ts';
import { L, M, rectangle } from '../path.ts';
import { joinedBoxes, shapeText, type TextBox } from '../text/box.ts';
import { setLabel } from '../text/label.ts';
import { linearTicks, logTicks } from '../ticks.ts';
import type { ColourScale, FigureStyle } from '../types.ts';
import { lengths, powerBox, type PlacedText } from './axes.ts';
import { colourPlace, valueAtPlace } from './raster.ts';
import type { Frame, SceneNode } from './scene.ts';

export interface ColourBar {
  /** Room right of the frame, its gap included. */
  readonly width: number;
  draw(frame: Frame): { nodes: SceneNode[]; texts: PlacedText[] };
}

interface BarTick {
  readonly value: number;
  readonly box: TextBox;
}

export function colourBar(colours: ColourScale, height: number, fonts: FontLibrary, style: FigureStyle): ColourBar {
  const { major, gap, labelGap } = lengths(style);
  const bar = 0.9 * style.tickSize;
  const space = 0.9 * style.tickSize;
  const ticks = barTicks(colours, height, fonts, style);
  const widest = Math.max(0, ...ticks.map((tick) => tick.box.width));
  const label = colours.label
    ? setLabel(colours.label, fonts, { family: style.font, size: style.labelSize, maxWidth: height, align: 'center' })
    : undefined;
  const labelHeight = label ? label.ascent + label.descent + labelGap : 0;
  const reach = major * 0.7;
  return {
    width: space + bar + reach + gap + widest + labelHeight,
    draw(frame) {
      const x = frame.x + frame.width + space;
      const rows = 256;
      const rgba = new Uint8Array(rows * 4);
      for (let r = 0; r < rows; r++) rgba.set([...mapColour(colours.map, 1 - r / (rows - 1)), 255], 4 * r);
      const ink = colourOf('ink', style.palette);
      const place = (value: number): number => frame.y + frame.height * (1 - colourPlace(value, colours));
      const path = ticks.flatMap((tick) => [M, x + bar, place(tick.value), L, x + bar + reach, place(tick.value)]);
      const nodes: SceneNode[] = [
        {
          kind: 'image',
          x,
          y: frame.y,
          width: bar,
          height: frame.height,
          columns: 1,
          rows,
          pixels: () => rgba,
          description: 'colour scale',
        },
        {
          kind: 'path',
          path: rectangle(x, frame.y, bar, frame.height),
          stroke: { colour: ink, width: style.axisWidth },
        },
      ];
      if (path.length > 0) nodes.push({ kind: 'path', path, stroke: { colour: ink, width: style.axisWidth } });
      const texts: PlacedText[] = ticks.map((tick) => ({
        box: tick.box,
        x: x + bar + reach + gap,
        y: place(tick.value) + 0.34 * style.tickSize,
        angle: 0,
        role: 'tick',
      }));
      if (label)
        texts.push({
          box: label,
          x: x + bar + reach + gap + widest + labelGap + label.ascent,
          y: frame.y + frame.height / 2 + label.width / 2,
          angle: 90,
          role: 'label',
        });
      return { nodes, texts };
    },
  };
}

function barTicks(colours: ColourScale, height: number, fonts: FontLibrary, style: FigureStyle): BarTick[] {
  const room = 2 * style.tickSize;
  const power = (mantissa: string, exponent: number): TextBox =>
    powerBox(mantissa, exponent, fonts, style, style.tickSize);
  const text = (value: string): TextBox => shapeText(value, fonts, style.font, 'regular', style.tickSize);
  if (colours.scale !== 'symlog') {
    if (!(colours.high > colours.low)) return [];
    const ticks =
      colours.scale === 'log'
        ? logTicks(colours.low, colours.high, height, room)
        : linearTicks(colours.low, colours.high, height, room);
    return ticks.flatMap(({ value, label }) =>
      label ? [{ value, box: 'text' in label ? text(label.text) : power(label.mantissa, label.exponent) }] : [],
    );
  }
  // Zero, then powers of ten from the largest inwards, as long as their labels do not touch.
  const out: BarTick[] = [{ value: 0, box: text('0') }];
  const place = (value: number): number => height * colourPlace(value, colours);
  for (const sign of [1, -1]) {
    const end = sign > 0 ? colours.high : -colours.low;
    if (!(end > 0)) continue;
    let last: number | undefined;
    for (let exponent = Math.floor(Math.log10(end) + 1e-9); ; exponent--) {
      const position = place(sign * 10 ** exponent);
      if (Math.abs(position - place(0)) < room) break;
      if (last !== undefined && Math.abs(position - last) < room) continue;
      out.push({
        value: sign * 10 ** exponent,
        box: sign < 0 ? minusPower(exponent, fonts, style) : power('', exponent),
      });
      last = position;
    }
  }
  return out.filter(
    (tick) =>
      tick.value >= valueAtPlace(0, colours) - Math.abs(colours.low) * 1e-9 && tick.value <= colours.high * (1 + 1e-9),
  );
}

/** -10^k without a mantissa. */
function minusPower(exponent: number, fonts: FontLibrary, style: FigureStyle): TextBox {
  const sign = shapeText('−', fonts, style.font, 'regular', style.tickSize);
  const power = powerBox('', exponent, fonts, style, style.tickSize);
  return { ...joinedBoxes([sign, power]), ascent: power.ascent, descent: power.descent };
}
