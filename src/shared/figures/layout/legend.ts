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

interface Item {
  readonly box: TextBox;
  /** None: words alone. */
  readonly mark: Mark | undefined;
}

interface Grid {
  readonly width: number;
  readonly height: number;
  /** Of the first row. */
  readonly rowHeight: number;
  place(x: number, y: number, style: FigureStyle): { nodes: SceneNode[]; texts: PlacedText[] };
}

const indentOf = ({ mark }: Item, size: number): number =>
  mark === undefined ? 0 : sizesOf(size).sample + sizesOf(size).gap;

/** Items in rows, in columns of widths. */
function grid(items: readonly Item[], size: number, columnWidth: readonly number[]): Grid {
  const { sample, between } = sizesOf(size);
  const indents = items.map((item) => indentOf(item, size));
  const columns = columnWidth.length;
  const heights = Array.from({ length: Math.ceil(items.length / columns) }, (_, r) =>
    Math.max(...items.slice(r * columns, (r + 1) * columns).map(({ box }) => rowHeight(box, size))),
  );
  const lefts = columnWidth.map((_, c) => sum(columnWidth.slice(0, c)) + c * between);
  const tops = heights.map((_, r) => sum(heights.slice(0, r)));
  return {
    width: sum(columnWidth) + (columns - 1) * between,
    height: sum(heights),
    rowHeight: heights[0] ?? 0,
    place(x, y, style) {
      const nodes: SceneNode[] = [];
      const texts: PlacedText[] = [];
      items.forEach(({ box, mark }, k) => {
        const left = x + lefts[k % columns];
        const baseline = baselineIn(rowHeight(box, size), box, size) + y + tops[Math.floor(k / columns)];
        if (mark !== undefined) nodes.push(...swatch(mark, left, baseline - 0.33 * size, sample, style));
        texts.push({ box, x: left + indents[k], y: baseline, angle: 0, role: 'legend' });
      });
      return { nodes, texts };
    },
  };
}

/** Length of the picture of a mark, and the gaps after it and between columns. */
function sizesOf(size: number): { sample: number; gap: number; between: number } {
  return { sample: 2.3 * size, gap: 0.5 * size, between: 1.4 * size };
}

/** Widths of as many columns as fit for all groups of items; fewer where as many rows hold all, so that no last row stands nearly empty. */
function columnsThatFit(groups: readonly (readonly Item[])[], size: number, maxWidth: number): number[] {
  const widths = groups.map((items) => items.map((item) => indentOf(item, size) + item.box.width));
  const columnsOf = (n: number): number[] =>
    Array.from({ length: n }, (_, c) => Math.max(0, ...widths.flatMap((row) => row.filter((_, k) => k % n === c))));
  const fitting = Array.from({ length: Math.max(1, ...groups.map(({ length }) => length)) }, (_, k) =>
    columnsOf(k + 1),
  ).filter((columns, k) => k === 0 || sum(columns) + k * sizesOf(size).between <= maxWidth);
  const rows = (n: number): number => sum(groups.map(({ length }) => Math.ceil(length / n)));
  return fitting.reduce((best, columns) => (rows(columns.length) < rows(best.length) ? columns : best));
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
  const { sample, gap } = sizesOf(size);
  const room = Math.max(4 * size, maxWidth - sample - gap);
  const items = entries.map(({ label, mark }) => ({
    box: setLabel(label, fonts, { family: style.font, size, maxWidth: room }),
    mark,
  }));
  const wrapped = entries.some(
    (entry) => setLabel(entry.label, fonts, { family: style.font, size }).width > room + 1e-6,
  );
  const columns = spread ? columnsThatFit([items], size, maxWidth) : columnsThatFit([items], size, 0);
  const { width, height, place } = grid(items, size, columns);
  return { width, height, wrapped, place: (x, y) => place(x, y, style) };
}

/** The text of one panel under the figure. */
export interface LegendGroup {
  /** "(a)"; empty if there is one panel. */
  readonly letter: string;
  readonly entries: readonly LegendEntry[];
  /** Numbers of the panel ("n = 126 directions"), without a picture of a mark. */
  readonly statements: readonly string[];
}

/** How much wider groups may grow by having the same columns. */
const mostStretched = 1.15;

/** Groups under each other, each begun by its letter: entries in columns, as many as fit, none broken where a row has room for it. */
export function groupBlock(
  groups: readonly LegendGroup[],
  fonts: FontLibrary,
  style: FigureStyle,
  maxWidth: number,
): LegendBlock {
  const size = style.legendSize;
  const { sample, gap } = sizesOf(size);
  const weight = style.panelLabels === 'bold' ? 'bold' : 'regular';
  const letters = groups.map(({ letter }) =>
    letter === '' ? undefined : setLabel(letter, fonts, { family: style.font, size, style: weight }),
  );
  const indent = Math.max(0, ...letters.map((box) => (box === undefined ? 0 : box.width + gap)));
  const room = maxWidth - indent;
  const item = (label: string, mark: Mark | undefined): Item => {
    const within = Math.max(4 * size, room - (mark === undefined ? 0 : sample + gap));
    return { box: setLabel(label, fonts, { family: style.font, size, maxWidth: within }), mark };
  };
  const items = groups.map(({ entries, statements }) => [
    ...entries.map(({ label, mark }) => item(label, mark)),
    ...statements.map((label) => item(label, undefined)),
  ]);
  // The same columns for all groups, unless those of each alone take fewer rows or stand much closer.
  const common = columnsThatFit(items, size, room);
  const alone = items.map((own) => columnsThatFit([own], size, room));
  const rows = (columnsOf: (k: number) => readonly number[]): number =>
    sum(items.map(({ length }, k) => Math.ceil(length / columnsOf(k).length)));
  const widest = Math.max(0, ...alone.map(sum));
  const isCommon = rows(() => common) <= rows((k) => alone[k]) && sum(common) <= mostStretched * widest;
  const grids = items.map((own, k) => grid(own, size, isCommon ? common : alone[k]));
  return {
    width: indent + Math.max(0, ...grids.map(({ width }) => width)),
    height: sum(grids.map(({ height }) => height)),
    wrapped: false,
    place(x, y) {
      const nodes: SceneNode[] = [];
      const texts: PlacedText[] = [];
      grids.forEach((each, k) => {
        const top = y + sum(grids.slice(0, k).map(({ height }) => height));
        const letter = letters[k];
        if (letter !== undefined)
          texts.push({ box: letter, x, y: top + baselineIn(each.rowHeight, letter, size), angle: 0, role: 'legend' });
        const placed = each.place(x + indent, top, style);
        nodes.push(...placed.nodes);
        texts.push(...placed.texts);
      });
      return { nodes, texts };
    },
  };
}

const sum = (list: readonly number[]): number => list.reduce((total, value) => total + value, 0);

function rowHeight(box: TextBox, size: number): number {
  return Math.max(1.25 * size, lineHeight(box, size));
}

/** Where the first line of a box stands in a row of a height. */
function baselineIn(height: number, box: TextBox, size: number): number {
  return (height - lineHeight(box, size)) / 2 + firstAscent(box, size);
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
    case 'region': {
      const opacity = mark.opacity ?? (mark.kind === 'band' ? 0.2 : 0.12);
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
