/** Legends: entries from the marks, set in rows or a column, and the corner of a frame that they disturb least. */
import type { FontLibrary } from '../fonts/library.ts';
import { colourOf, markerOf } from '../palettes.ts';
import { L, M, rectangle } from '../path.ts';
import type { TextBox } from '../text/box.ts';
import { setLabel } from '../text/label.ts';
import type { FigureStyle, Mark, Panel } from '../types.ts';
import { lineStroke, ruleWidth, markerPaint, markerShape, pointLook, type MarkStyle } from './points.ts';
import type { PlacedText } from './axes.ts';
import type { Frame, SceneNode } from './scene.ts';

export interface LegendEntry {
  readonly mark: Mark;
  readonly label: string;
  /** Two entries with the same look and label are one. */
  readonly key: string;
}

/** `common`: for a legend that several panels share. */
export function legendEntries(panels: readonly Panel[], common = false): LegendEntry[] {
  const entries = new Map<string, LegendEntry>();
  for (const panel of panels)
    for (const mark of panel.marks) {
      if (mark.kind === 'heatmap' || mark.label === undefined || mark.label === '') continue;
      const dash = 'dash' in mark ? mark.dash : undefined;
      const marker = mark.kind === 'points' ? mark.marker : undefined;
      const label = common ? (mark.shared ?? mark.label) : mark.label;
      const key = `${label}|${mark.kind}|${String(mark.colour)}|${String(dash)}|${String(marker)}`;
      if (!entries.has(key)) entries.set(key, { mark, label, key });
    }
  const order = (entry: LegendEntry): number => (entry.mark.kind === 'heatmap' ? 0 : (entry.mark.order ?? 0));
  return [...entries.values()].sort((a, b) => order(a) - order(b));
}

export interface LegendBlock {
  readonly width: number;
  readonly height: number;
  /** Some entry takes more than one line. */
  readonly wrapped: boolean;
  /** Nodes and texts with the upper left corner of the block at (x, y). */
  place(x: number, y: number): { nodes: SceneNode[]; texts: PlacedText[] };
}

/** Sets entries within a width: as many columns as fit where `spread`, else one column. */
export function legendBlock(
  entries: readonly LegendEntry[],
  fonts: FontLibrary,
  style: FigureStyle,
  maxWidth: number,
  spread: boolean,
): LegendBlock {
  const size = style.legendSize;
  const sample = 2.3 * size;
  const gap = 0.5 * size;
  const between = 1.4 * size;
  const room = Math.max(4 * size, maxWidth - sample - gap);
  const boxes = entries.map((entry) => setLabel(entry.label, fonts, { family: style.font, size, maxWidth: room }));
  const wrapped = entries.some(
    (entry) => setLabel(entry.label, fonts, { family: style.font, size }).width > room + 1e-6,
  );
  const widths = boxes.map((box) => sample + gap + box.width);
  let columns = 1;
  if (spread)
    for (let n = entries.length; n > 1; n--) {
      const total = columnWidths(widths, n).reduce((sum, width) => sum + width, 0) + (n - 1) * between;
      if (total <= maxWidth) {
        columns = n;
        break;
      }
    }
  const columnWidth = columnWidths(widths, columns);
  const rows = Math.ceil(entries.length / columns);
  const heights = Array.from({ length: rows }, (_, r) =>
    Math.max(...boxes.slice(r * columns, (r + 1) * columns).map((box) => Math.max(1.25 * size, lineHeight(box, size)))),
  );
  const width = columnWidth.reduce((sum, w) => sum + w, 0) + (columns - 1) * between;
  const height = heights.reduce((sum, h) => sum + h, 0);
  return {
    width,
    height,
    wrapped,
    place(x, y) {
      const nodes: SceneNode[] = [];
      const texts: PlacedText[] = [];
      entries.forEach((entry, k) => {
        const r = Math.floor(k / columns);
        const c = k % columns;
        const left = x + columnWidth.slice(0, c).reduce((sum, w) => sum + w + between, 0);
        const top = y + heights.slice(0, r).reduce((sum, h) => sum + h, 0);
        const box = boxes[k];
        const baseline =
          top + (Math.max(1.25 * size, lineHeight(box, size)) - lineHeight(box, size)) / 2 + firstAscent(box, size);
        nodes.push(...swatch(entry.mark, left, baseline - 0.33 * size, sample, style));
        texts.push({ box, x: left + sample + gap, y: baseline, angle: 0, role: 'legend' });
      });
      return { nodes, texts };
    },
  };
}

/** The text of one panel under the figure. */
export interface LegendGroup {
  /** "(a)"; empty where there is one panel. */
  readonly letter: string;
  readonly entries: readonly LegendEntry[];
  /** Numbers of the panel ("n = 126 directions"), without a picture of a mark. */
  readonly statements: readonly string[];
}

/** Groups under each other, each begun by its letter: entries in rows, as many as fit, none broken where a row has room for it. */
export function groupBlock(
  groups: readonly LegendGroup[],
  fonts: FontLibrary,
  style: FigureStyle,
  maxWidth: number,
): LegendBlock {
  const size = style.legendSize;
  const sample = 2.3 * size;
  const gap = 0.5 * size;
  const between = 1.4 * size;
  const weight = style.panelLabels === 'bold' ? 'bold' : 'regular';
  const letters = groups.map(({ letter }) =>
    letter === '' ? undefined : setLabel(letter, fonts, { family: style.font, size, style: weight }),
  );
  const indent = Math.max(0, ...letters.map((box) => (box === undefined ? 0 : box.width + gap)));
  const room = maxWidth - indent;
  const items: { readonly box: TextBox; readonly mark: Mark | undefined; readonly x: number; readonly row: number }[] =
    [];
  const heights: number[] = [];
  const firstRows: number[] = [];
  let widest = 0;
  for (const { entries, statements } of groups) {
    let row = heights.length;
    let x = 0;
    firstRows.push(row);
    heights.push(1.25 * size);
    const all = [
      ...entries.map(({ label, mark }) => ({ label, mark })),
      ...statements.map((label) => ({ label, mark: undefined })),
    ];
    for (const { label, mark } of all) {
      const before = mark === undefined ? 0 : sample + gap;
      const box = setLabel(label, fonts, { family: style.font, size, maxWidth: Math.max(4 * size, room - before) });
      if (x > 0 && x + before + box.width > room) {
        row = heights.length;
        heights.push(1.25 * size);
        x = 0;
      }
      items.push({ box, mark, x: indent + x, row });
      heights[row] = Math.max(heights[row], lineHeight(box, size));
      x += before + box.width + between;
      widest = Math.max(widest, indent + x - between);
    }
  }
  const tops = heights.map((_, row) => heights.slice(0, row).reduce((sum, height) => sum + height, 0));
  return {
    width: widest,
    height: heights.reduce((sum, height) => sum + height, 0),
    wrapped: false,
    place(x, y) {
      const nodes: SceneNode[] = [];
      const texts: PlacedText[] = [];
      const baseline = (row: number, box: TextBox): number =>
        y + tops[row] + (heights[row] - lineHeight(box, size)) / 2 + firstAscent(box, size);
      letters.forEach((box, k) => {
        if (box !== undefined) texts.push({ box, x, y: baseline(firstRows[k], box), angle: 0, role: 'legend' });
      });
      for (const { box, mark, x: left, row } of items) {
        const line = baseline(row, box);
        if (mark !== undefined) nodes.push(...swatch(mark, x + left, line - 0.33 * size, sample, style));
        texts.push({ box, x: x + left + (mark === undefined ? 0 : sample + gap), y: line, angle: 0, role: 'legend' });
      }
      return { nodes, texts };
    },
  };
}

function columnWidths(widths: readonly number[], columns: number): number[] {
  return Array.from({ length: columns }, (_, c) => Math.max(...widths.filter((_, k) => k % columns === c), 0));
}

function firstAscent(box: TextBox, size: number): number {
  return Math.max(box.ascent, 0.7 * size);
}

function lineHeight(box: TextBox, size: number): number {
  return firstAscent(box, size) + Math.max(box.descent, 0.22 * size) + 0.12 * size;
}

/** A small picture of the mark, `width` long, centred on `y`. */
export function swatch(
  mark: Mark,
  x: number,
  y: number,
  width: number,
  style: MarkStyle & Pick<FigureStyle, 'legendSize'>,
): SceneNode[] {
  const line: number[] = [M, x, y, L, x + width, y];
  const half = 0.32 * style.legendSize;
  switch (mark.kind) {
    case 'points': {
      const size = Math.max(pointLook(mark, style).size, style.markerSize * 0.8);
      const shape = markerShape(mark.marker ?? markerOf(mark.colour), size);
      const nodes: SceneNode[] = [];
      if (mark.join)
        nodes.push({
          kind: 'path',
          path: line,
          stroke: lineStroke(style, mark.colour, mark.join, 0.8),
        });
      nodes.push({
        kind: 'markers',
        shape: shape.path,
        at: [x + width / 2, y],
        ...markerPaint(style, mark.colour, shape.open, size, 1),
      });
      return nodes;
    }
    case 'line':
    case 'slope':
      return [{ kind: 'path', path: line, stroke: lineStroke(style, mark.colour, mark.dash, mark.width) }];
    case 'rule': {
      const path = mark.axis === 'x' ? [M, x + width / 2, y - half * 1.3, L, x + width / 2, y + half * 1.3] : line;
      return [
        {
          kind: 'path',
          path,
          stroke: lineStroke(style, mark.colour, mark.dash ?? 'solid', ruleWidth(mark, style)),
        },
      ];
    }
    case 'band':
    case 'region':
    case 'histogram': {
      const opacity = mark.opacity ?? (mark.kind === 'band' ? 0.2 : mark.kind === 'region' ? 0.12 : 0.55);
      return [
        {
          kind: 'path',
          path: rectangle(x, y - half, width, 2 * half),
          fill: { colour: colourOf(mark.colour, style.palette), opacity },
        },
      ];
    }
    case 'heatmap':
      return [];
    default:
      mark satisfies never;
      throw new Error('unknown mark');
  }
}

export type Corner = 'top-left' | 'top-right' | 'bottom-left' | 'bottom-right';
const corners: readonly Corner[] = ['top-left', 'bottom-right', 'top-right', 'bottom-left'];

/** Upper left corner of a block in a corner of a frame. */
export function cornerPlace(
  corner: Corner,
  frame: Frame,
  width: number,
  height: number,
  inset: number,
): { x: number; y: number } {
  return {
    x: corner.endsWith('left') ? frame.x + inset : frame.x + frame.width - inset - width,
    y: corner.startsWith('top') ? frame.y + inset : frame.y + frame.height - inset - height,
  };
}

/** What a block in a corner would cover: points of data, and points along reference lines. */
export interface Choice {
  readonly corner: Corner;
  readonly data: number;
  readonly lines: number;
}

/** The corner where the block covers the fewest points of the data; among equals the fewest of reference lines. */
export function bestCorner(
  frame: Frame,
  width: number,
  height: number,
  inset: number,
  ink: readonly number[],
  lines: readonly number[],
): Choice {
  const margin = 2;
  const choices = corners.map((corner) => {
    const { x, y } = cornerPlace(corner, frame, width, height, inset);
    const covered = (list: readonly number[]): number => {
      let count = 0;
      for (let k = 0; k < list.length; k += 2)
        if (
          list[k] > x - margin &&
          list[k] < x + width + margin &&
          list[k + 1] > y - margin &&
          list[k + 1] < y + height + margin
        )
          count++;
      return count;
    };
    return { corner, data: covered(ink), lines: covered(lines) };
  });
  return choices.reduce((best, choice) =>
    choice.data < best.data || (choice.data === best.data && choice.lines < best.lines) ? choice : best,
  );
}
