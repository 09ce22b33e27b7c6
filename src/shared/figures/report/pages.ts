/** A report as pages of A4, each a scene: what the PDF writer draws. */
import type { ReportTable } from './types.ts';
import type { FontFamily, FontLibrary, TextStyle } from '../fonts/library.ts';
import type { Scene, SceneNode } from '../layout/scene.ts';
import { L, M, transformPath } from '../path.ts';
import type { TextBox } from '../text/box.ts';
import { plainLabel, setLabel } from '../text/label.ts';
import { omissionText, type DrawnReport } from './figure.ts';

const pointsPerMm = 72 / 25.4;
const page = { width_mm: 210, height_mm: 297, margin: 20 * pointsPerMm };
const ink = '#1A1A1A';
const muted = '#5A5A5A';

/** Fills pages from top to bottom. */
class Pages {
  readonly scenes: Scene[] = [];
  readonly fonts: FontLibrary;
  readonly family: FontFamily;
  readonly width = page.width_mm * pointsPerMm - 2 * page.margin;
  readonly height = page.height_mm * pointsPerMm;
  private nodes: SceneNode[] = [];
  private y = page.margin;

  constructor(fonts: FontLibrary, family: FontFamily) {
    this.fonts = fonts;
    this.family = family;
  }

  /** Room left on the page. */
  get left(): number {
    return this.height - page.margin - this.y;
  }

  /** Starts a page where less than `height` is left, unless the page is empty; returns whether it did. */
  need(height: number): boolean {
    if (height <= this.left || this.nodes.length === 0) return false;
    this.flush();
    return true;
  }

  flush(): void {
    const number = setLabel(String(this.scenes.length + 1), this.fonts, { family: this.family, size: 8 });
    this.nodes.push({
      kind: 'text',
      box: number,
      x: page.margin + this.width - number.width,
      y: this.height - page.margin * 0.55,
      angle: 0,
      colour: muted,
    });
    this.scenes.push({
      width: page.width_mm * pointsPerMm,
      height: this.height,
      width_mm: page.width_mm,
      height_mm: page.height_mm,
      nodes: this.nodes,
      panels: [],
      legend: { place: 'none', x: 0, y: 0 },
      notes: [],
      warnings: [],
    });
    this.nodes = [];
    this.y = page.margin;
  }

  space(height: number): void {
    this.y = Math.min(this.y + height, this.height - page.margin);
  }

  text(label: string, size: number, options: { style?: TextStyle; colour?: string; indent?: number } = {}): void {
    const indent = options.indent ?? 0;
    const box = setLabel(label, this.fonts, {
      family: this.family,
      size,
      maxWidth: this.width - indent,
      style: options.style,
    });
    this.need(box.ascent + box.descent);
    this.put(box, indent, options.colour ?? ink);
  }

  /** Places a box at an indent; the page continues below it. */
  put(box: TextBox, indent: number, colour: string): void {
    this.nodes.push({ kind: 'text', box, x: page.margin + indent, y: this.y + box.ascent, angle: 0, colour });
    this.space(box.ascent + box.descent + 3);
  }

  row(cells: readonly TextBox[], xs: readonly number[], colour: string): void {
    const ascent = Math.max(...cells.map((cell) => cell.ascent));
    const descent = Math.max(...cells.map((cell) => cell.descent));
    this.need(ascent + descent + 3);
    cells.forEach((box, k) =>
      this.nodes.push({ kind: 'text', box, x: page.margin + xs[k], y: this.y + ascent, angle: 0, colour }),
    );
    this.space(ascent + descent + 3);
  }

  rule(width: number): void {
    this.nodes.push({
      kind: 'path',
      path: [M, page.margin, this.y, L, page.margin + width, this.y],
      stroke: { colour: '#999999', width: 0.4 },
    });
    this.space(3);
  }

  /** A figure at its own size with its caption. */
  figure(scene: Scene, caption: TextBox): void {
    if (scene.width > this.width + 0.01)
      throw new Error(`a figure of ${scene.width_mm} mm is wider than the text of the page`);
    this.need(scene.height + caption.ascent + caption.descent + 14);
    this.nodes.push({
      kind: 'group',
      name: 'figure',
      children: scene.nodes.map((node) => shifted(node, page.margin, this.y)),
    });
    this.space(scene.height + 2);
    this.put(caption, 0, muted);
    this.space(9);
  }
}

/** The same node elsewhere. */
function shifted(node: SceneNode, dx: number, dy: number): SceneNode {
  switch (node.kind) {
    case 'path':
      return { ...node, path: transformPath(node.path, [1, 0, 0, 1, dx, dy]) };
    case 'markers':
      return { ...node, at: node.at.map((value, k) => value + (k % 2 === 0 ? dx : dy)) };
    case 'text':
    case 'image':
      return { ...node, x: node.x + dx, y: node.y + dy };
    case 'clip':
      return {
        ...node,
        x: node.x + dx,
        y: node.y + dy,
        children: node.children.map((child) => shifted(child, dx, dy)),
      };
    case 'group':
      return { ...node, children: node.children.map((child) => shifted(child, dx, dy)) };
    default:
      node satisfies never;
      throw new Error('unknown node');
  }
}

/** Widths of columns: those of their widest cells where they fit, else the widest ones give way and wrap. */
function columnWidths(table: ReportTable, pages: Pages, size: number, gap: number): number[] {
  const wide = table.head.map((head, c) =>
    Math.max(
      ...[head, ...table.rows.map((row) => row[c] ?? '')].map(
        (cell) => setLabel(cell, pages.fonts, { family: pages.family, size }).width,
      ),
    ),
  );
  const room = pages.width - gap * (wide.length - 1);
  let limit = Math.max(...wide);
  while (wide.reduce((sum, width) => sum + Math.min(width, limit), 0) > room && limit > 4) limit *= 0.97;
  return wide.map((width) => Math.min(width, limit) + 0.01);
}

const rowHeight = (cells: readonly TextBox[]): number =>
  Math.max(...cells.map((cell) => cell.ascent)) + Math.max(...cells.map((cell) => cell.descent)) + 3;

interface SetTable {
  readonly head: readonly TextBox[];
  readonly rows: readonly (readonly TextBox[])[];
  /** Left edges of the columns, and the right edge of the last. */
  readonly xs: readonly number[];
  readonly width: number;
  /** The part that must be on one page: all of it if it fits on half a page, else its beginning. */
  readonly keep: number;
}

function setTable(content: ReportTable, pages: Pages): SetTable {
  const size = content.head.length > 9 ? 6.6 : content.head.length > 6 ? 7.2 : 8.5;
  const gap = 7;
  const widths = columnWidths(content, pages, size, gap);
  const xs = widths.map((_, k) => widths.slice(0, k).reduce((sum, width) => sum + width + gap, 0));
  const cells = (row: readonly string[]): TextBox[] =>
    row.map((cell, k) => setLabel(cell, pages.fonts, { family: pages.family, size, maxWidth: widths[k] }));
  const head = cells(content.head);
  const rows = content.rows.map(cells);
  const whole = 18 + [head, ...rows].reduce((sum, row) => sum + rowHeight(row), 0);
  return { head, rows, xs, width: xs.at(-1) + widths.at(-1), keep: whole <= 0.5 * pages.height ? whole : 60 };
}

/** The head stands on every page that the table is on. */
function table({ caption }: ReportTable, { head, rows, xs, width, keep }: SetTable, pages: Pages): void {
  pages.need(keep);
  if (caption !== '') pages.text(caption, 9, { style: 'bold' });
  const begin = (): void => {
    pages.row(head, xs, muted);
    pages.rule(width);
  };
  begin();
  for (const row of rows) {
    if (pages.need(rowHeight(row))) begin();
    pages.row(row, xs, ink);
  }
  pages.space(8);
}

/** The pages of a report, in order. */
export function reportPages(report: DrawnReport, fonts: FontLibrary, family: FontFamily = 'stix'): Scene[] {
  const pages = new Pages(fonts, family);
  pages.text(plainLabel(report.title), 18, { style: 'bold' });
  pages.text(plainLabel(report.subtitle), 9, { colour: muted });
  let number = 0;
  for (const { heading, paragraphs = [], tables = [], figures, definitions = [] } of report.sections) {
    pages.space(10);
    // A heading stays on the same page as what follows it.
    const [leading] = figures;
    const set = tables.map((content) => setTable(content, pages));
    const begins = set[0]?.keep ?? (leading?.kind === 'drawn' ? leading.scene.height + 50 : 0);
    pages.need(70 + (paragraphs.length === 0 ? begins : 0));
    pages.text(heading, 12.5, { style: 'bold' });
    pages.space(2);
    for (const paragraph of paragraphs) pages.text(paragraph, 9.5);
    pages.space(2);
    for (const [k, content] of tables.entries()) table(content, set[k], pages);
    for (const figure of figures) {
      if (figure.kind === 'omitted') {
        pages.text(omissionText(figure), 8.5, { colour: muted });
        continue;
      }
      number += 1;
      pages.figure(
        figure.scene,
        setLabel(`Figure ${number}. ${figure.caption}`, fonts, { family, size: 8.5, maxWidth: pages.width }),
      );
    }
    for (const [term, text] of definitions) {
      const name = setLabel(term, fonts, { family, size: 9.5, maxWidth: 85 });
      const body = setLabel(text, fonts, { family, size: 9.5, maxWidth: pages.width - 95 });
      pages.row([name, body], [0, 95], ink);
      pages.space(2);
    }
  }
  pages.space(12);
  pages.text(
    plainLabel(
      `${report.provenance.software}${report.provenance.created === undefined ? '' : `, ${report.provenance.created}`}. ${JSON.stringify(report.provenance)}`,
    ),
    6.5,
    { colour: muted },
  );
  pages.flush();
  return pages.scenes;
}
