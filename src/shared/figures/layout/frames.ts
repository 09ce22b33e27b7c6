/** Room for everything around the frames, and the frames themselves. */
import { InputError } from '../../errors.ts';
import type { FontLibrary } from '../fonts/library.ts';
import { presetNames, presets } from '../presets.ts';
import type { TextBox } from '../text/box.ts';
import { setLabel } from '../text/label.ts';
import type { FigureSpec, Heatmap, Mark, Panel } from '../types.ts';
import { axisTicks, lengths, type AxisTicks } from './axes.ts';
import { colourBar } from './colourbar.ts';
import { domainOf, scaleOf, type Domain } from './scales.ts';
import type { Frame } from './scene.ts';

export const pointsPerMm = 72 / 25.4;
/** Between the drawing and the edge of the page. */
export const edge = 1.5;

export interface PanelPlan {
  readonly panel: Panel;
  readonly domainX: Domain;
  readonly domainY: Domain;
  readonly showX: boolean;
  readonly showY: boolean;
  readonly letter: string;
}

export function planPanels(spec: FigureSpec): PanelPlan[] {
  const lettered = spec.letters && spec.panels.length > 1;
  return spec.panels.map((panel, k) => {
    const column = spec.panels.filter((other) => other.column === panel.column);
    const row = spec.panels.filter((other) => other.row === panel.row);
    const letter = lettered ? letterOf(k, spec.style.panelLabels) : '';
    const over = spec.shareX ? column : spec.columns > 1 ? [panel] : stackOf(panel, column);
    const domains = {
      x: domainOf(over, 'x'),
      y: domainOf(spec.shareY ? row : [panel], 'y'),
    };
    return {
      panel: withoutFar(panel, domains),
      domainX: domains.x,
      domainY: domains.y,
      showX: panel.row === Math.max(...over.map((other) => other.row)),
      showY: !spec.shareY || panel.column === Math.min(...row.map((other) => other.column)),
      letter,
    };
  });
}

/** The panels of a column that share the x axis of one of them. */
function stackOf(panel: Panel, column: readonly Panel[]): readonly Panel[] {
  return panel.stack === undefined ? [panel] : column.filter(({ stack }) => stack === panel.stack);
}

/** A guide beyond the axis is neither drawn nor in the legend. */
function withoutFar(panel: Panel, domains: Readonly<Record<'x' | 'y', Domain>>): Panel {
  const isFar = (mark: Mark): boolean =>
    mark.kind === 'rule' && (mark.value < domains[mark.axis].min || mark.value > domains[mark.axis].max);
  return panel.marks.some(isFar) ? { ...panel, marks: panel.marks.filter((mark) => !isFar(mark)) } : panel;
}

/** The letter of panel k: (a) or a, after (z) (aa). */
export function letterOf(k: number, kind: 'parentheses' | 'bold'): string {
  const letters =
    k < 26 ? String.fromCharCode(97 + k) : String.fromCharCode(97 + Math.floor(k / 26) - 1, 97 + (k % 26));
  return kind === 'bold' ? letters : `(${letters})`;
}

/** The letters of figures that stand as panels one after the other, by the number of their panels: "(a)", "(b)–(d)". */
export function lettersOf(counts: readonly number[], kind: 'parentheses' | 'bold'): string[] {
  let first = 0;
  return counts.map((count) => {
    const from = letterOf(first, kind);
    first += count;
    return count === 1 ? from : `${from}–${letterOf(first - 1, kind)}`;
  });
}

/** The number of the panel with a letter of `letterOf`. */
export function panelOfLetter(letter: string): number {
  return [...letter].reduce((before, each) => 26 * before + each.charCodeAt(0) - 96, 0) - 1;
}

export interface Measured {
  readonly ticksX: AxisTicks;
  readonly ticksY: AxisTicks;
  readonly labelX: TextBox | undefined;
  readonly labelY: TextBox | undefined;
  readonly title: TextBox | undefined;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

export const heightOf = (box: TextBox | undefined): number => (box ? box.ascent + box.descent : 0);

function measure(
  { panel, domainX, domainY, showX, showY, letter }: PanelPlan,
  width: number,
  height: number,
  spec: FigureSpec,
  fonts: FontLibrary,
): Measured {
  const { style } = spec;
  const { major, gap, labelGap } = lengths(style);
  const ticksX = axisTicks(panel.x, domainX, width, true, fonts, style);
  const ticksY = axisTicks(panel.y, domainY, height, false, fonts, style);
  const set = (text: string | undefined, maxWidth: number, size: number): TextBox | undefined =>
    text
      ? setLabel(text, fonts, { family: style.font, size, maxWidth: Math.max(maxWidth, 6 * size), align: 'center' })
      : undefined;
  const labelX = showX ? set(panel.x.label, width, style.labelSize) : undefined;
  const labelY = showY ? set(panel.y.label, height, style.labelSize) : undefined;
  const title = set(panel.title, width - (letter ? 2 * style.panelLabelSize : 0), style.labelSize);

  const left = major + (showY ? gap + ticksY.width : 0) + (labelY ? labelGap + heightOf(labelY) : 0);
  const bottom =
    major +
    (showX ? gap + ticksX.height + (ticksX.angle === 0 ? 0.22 * style.tickSize : 0) : 0) +
    (labelX ? labelGap + heightOf(labelX) : 0);
  const numberAbove = 0.5 * style.tickSize;
  const strip = Math.max(title ? heightOf(title) + 2 : 0, letter ? style.panelLabelSize * 0.75 + 3 : 0);
  const top = Math.max(strip, numberAbove);
  // The number at the right end hangs over the frame by half its width.
  let right = 1;
  if (showX && ticksX.angle === 0) {
    const scale = scaleOf(panel.x, domainX, 0, width);
    for (const { tick, box } of ticksX.ticks)
      if (box) right = Math.max(right, scale(tick.value) + box.width / 2 - width);
  }
  const map = heatmapOf(panel);
  if (map) right = Math.max(right, colourBar(map.colours, height, fonts, style).width);
  return { ticksX, ticksY, labelX, labelY, title, left, right, top, bottom };
}

export function heatmapOf(panel: Panel): Heatmap | undefined {
  return panel.marks.find((mark) => mark.kind === 'heatmap');
}

export interface Geometry {
  readonly measured: readonly Measured[];
  readonly frames: readonly Frame[];
  /** Left ends of the columns: where the letters of the panels stand. */
  readonly letters: readonly number[];
  readonly width: number;
  readonly height: number;
}

/** Frames and margins that fit each other; margins depend on the numbers, those on the length of the axes: a few rounds settle it. */
export function place(
  spec: FigureSpec,
  plans: readonly PanelPlan[],
  fonts: FontLibrary,
  aside: { top: number; bottom: number; right: number },
): Geometry {
  const { rows, columns, style } = spec;
  const width = spec.width_mm * pointsPerMm;
  const between = { x: 1.2 * style.labelSize, y: 0.9 * style.labelSize };
  let frameWidth = (width / columns) * 0.75;
  let frameHeight =
    spec.height_mm === 'auto' ? frameWidth * spec.frameAspect : ((spec.height_mm * pointsPerMm) / rows) * 0.7;
  const square = plans.every(({ panel }) => panel.square);
  let height = spec.height_mm === 'auto' ? 0 : spec.height_mm * pointsPerMm;
  let lefts: readonly number[] = [];
  let rights: readonly number[] = [];
  for (let round = 0; ; round++) {
    // A matrix among other figures keeps square cells.
    const sizeOf = ({ panel }: PanelPlan): { width: number; height: number } => {
      const side = Math.min(frameWidth, frameHeight);
      if (panel.square === true) return { width: side, height: side };
      const last = lastColumn(panel);
      const inner = sum(lefts.slice(panel.column + 1, last + 1)) + sum(rights.slice(panel.column, last));
      const others = last - panel.column;
      return { width: frameWidth + inner + others * (frameWidth + between.x), height: frameHeight };
    };
    const measured = plans.map((entry) => {
      const { width: across, height: upright } = sizeOf(entry);
      const own = measure(entry, across, upright, spec, fonts);
      return { ...own, right: Math.max(1, own.right - Math.max(0, frameWidth - across)) };
    });
    const mostOf = (key: 'left' | 'right' | 'top' | 'bottom', at: (panel: Panel) => boolean): number =>
      Math.max(0, ...measured.filter((_, k) => at(plans[k].panel)).map((entry) => entry[key]));
    lefts = Array.from({ length: columns }, (_, c) => mostOf('left', ({ column }) => column === c));
    rights = Array.from({ length: columns }, (_, c) => mostOf('right', (panel) => lastColumn(panel) === c));
    const tops = Array.from({ length: rows }, (_, r) => mostOf('top', ({ row }) => row === r));
    const bottoms = Array.from({ length: rows }, (_, r) => mostOf('bottom', ({ row }) => row === r));
    const outerX = 2 * edge + aside.right + sum(lefts) + sum(rights) + (columns - 1) * between.x;
    const outerY = 2 * edge + aside.top + aside.bottom + sum(tops) + sum(bottoms) + (rows - 1) * between.y;
    let nextWidth = (width - outerX) / columns;
    // Lower frames where the page has no room for these.
    const most = spec.height_mm === 'auto' ? Math.max(8.5, (tallest(spec) - outerY) / rows) : Infinity;
    let nextHeight =
      spec.height_mm === 'auto'
        ? Math.min(square ? nextWidth : Math.max(nextWidth * spec.frameAspect, lowest * style.tickSize), most)
        : (height - outerY) / rows;
    if (!(nextWidth > 8 && nextHeight > 8))
      throw new InputError(
        `the figure of ${round1(width / pointsPerMm)} x ${spec.height_mm === 'auto' ? 'automatic' : round1(height / pointsPerMm)} mm leaves no room for its ${plans.length === 1 ? 'panel' : `${plans.length} panels`}: make it larger, its type smaller or its labels shorter`,
      );
    if (square && spec.height_mm !== 'auto') nextWidth = nextHeight = Math.min(nextWidth, nextHeight);
    const settled = Math.abs(nextWidth - frameWidth) < 0.01 && Math.abs(nextHeight - frameHeight) < 0.01;
    frameWidth = nextWidth;
    frameHeight = nextHeight;
    if (!settled && round < 6) continue;
    if (spec.height_mm === 'auto') {
      // Whole tenths of a millimetre; the frames take up the difference.
      height = (Math.ceil(((outerY + rows * frameHeight) / pointsPerMm) * 10 - 1e-6) / 10) * pointsPerMm;
      if (!square) frameHeight = (height - outerY) / rows;
    }
    const frames = plans.map((entry) => ({
      x:
        edge +
        sum(lefts.slice(0, entry.panel.column + 1)) +
        sum(rights.slice(0, entry.panel.column)) +
        entry.panel.column * (frameWidth + between.x),
      y:
        edge +
        aside.top +
        sum(tops.slice(0, entry.panel.row + 1)) +
        sum(bottoms.slice(0, entry.panel.row)) +
        entry.panel.row * (frameHeight + between.y),
      ...sizeOf(entry),
    }));
    return { measured, frames, letters: plans.map(({ panel }, k) => frames[k].x - lefts[panel.column]), width, height };
  }
}

const lastColumn = ({ column, span = 1 }: Panel): number => column + span - 1;

const sum = (list: readonly number[]): number => list.reduce((total, value) => total + value, 0);

/** Height of a frame in sizes of the numbers on its axis, of which some have to stand above each other; less only where the page has no room. */
const lowest = 7;

/** Points of the page that the preset's page has room for. */
function tallest({ style }: FigureSpec): number {
  const known = presetNames.find((name) => name === style.preset);
  return known === undefined ? Infinity : Math.floor(presets[known].maxHeight_mm * 10) * (pointsPerMm / 10);
}

export const round1 = (value: number): number => Math.round(value * 10) / 10;
