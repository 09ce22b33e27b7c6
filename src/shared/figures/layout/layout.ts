/**
 * A specification to a scene: limits, ticks, margins, frames, legend, notes. Frames of a column share their left and right edges, those of a row their
 * top and bottom. Nothing is drawn outside the page; whatever would overlap or be too small is named in `warnings`.
 */
import { InputError } from '../../errors.ts';
import type { FontLibrary } from '../fonts/library.ts';
import { colourOf } from '../palettes.ts';
import { circle, L, M, rectangle } from '../path.ts';
import type { TextBox } from '../text/box.ts';
import { setLabel } from '../text/label.ts';
import type { FigureSpec, Heatmap, LegendPlace, Panel } from '../types.ts';
import { axisTicks, drawAxis, lengths, type AxisTicks, type PlacedText } from './axes.ts';
import { colourBar } from './colourbar.ts';
import { bestCorner, cornerPlace, legendBlock, legendEntries, type LegendBlock } from './legend.ts';
import { lint } from './lint.ts';
import { drawMarks } from './marks.ts';
import { domainOf, scaleOf, type Domain } from './scales.ts';
import type { Frame, PanelGeometry, Scene, SceneNode } from './scene.ts';

const pointsPerMm = 72 / 25.4;
/** Between the drawing and the edge of the page. */
const edge = 1.5;

interface PanelPlan {
  readonly panel: Panel;
  readonly domainX: Domain;
  readonly domainY: Domain;
  readonly showX: boolean;
  readonly showY: boolean;
  readonly letter: string;
}

export function layoutFigure(spec: FigureSpec, fonts: FontLibrary): Scene {
  if (!(spec.width_mm > 0)) throw new InputError(`the width of a figure must be positive, not ${spec.width_mm} mm`);
  if (spec.height_mm !== 'auto' && !(spec.height_mm > 0))
    throw new InputError(`the height of a figure must be positive, not ${spec.height_mm} mm`);
  if (spec.panels.length === 0) throw new InputError('a figure needs at least one panel');
  const plans = plan(spec);
  let legend = legendPlan(spec);
  let notes: readonly string[] = [];
  // What is left out is known once the marks are drawn, and its statement takes room: lay out again until nothing changes.
  for (let round = 0; ; round++) {
    const drawn = draw(spec, plans, fonts, legend, notes);
    const same = drawn.legend === legend && drawn.notes.join('\n') === notes.join('\n');
    if (same || round === 4) return drawn.scene;
    legend = drawn.legend;
    notes = drawn.notes;
  }
}

function plan(spec: FigureSpec): PanelPlan[] {
  const lettered = spec.letters && spec.panels.length > 1;
  return spec.panels.map((panel, k) => {
    const column = spec.panels.filter((other) => other.column === panel.column);
    const row = spec.panels.filter((other) => other.row === panel.row);
    const letter = lettered ? letterOf(k, spec.style.panelLabels) : '';
    return {
      panel,
      domainX: domainOf(spec.shareX ? column : [panel], 'x'),
      domainY: domainOf(spec.shareY ? row : [panel], 'y'),
      showX: !spec.shareX || panel.row === Math.max(...column.map((other) => other.row)),
      showY: !spec.shareY || panel.column === Math.min(...row.map((other) => other.column)),
      letter,
    };
  });
}

function letterOf(k: number, kind: 'parentheses' | 'bold'): string {
  const letters =
    k < 26 ? String.fromCharCode(97 + k) : String.fromCharCode(97 + Math.floor(k / 26) - 1, 97 + (k % 26));
  return kind === 'bold' ? letters : `(${letters})`;
}

/** One legend for the figure at a side, or one in each frame. */
interface LegendPlan {
  readonly place: LegendPlace;
  readonly shared: boolean;
}

function legendPlan(spec: FigureSpec): LegendPlan {
  const outside = spec.legend === 'below' || spec.legend === 'above' || spec.legend === 'right';
  if (spec.legend === 'none' || outside) return { place: spec.legend, shared: true };
  const perPanel = spec.panels.map((panel) => legendEntries([panel]));
  const filled = perPanel.filter((entries) => entries.length > 0);
  if (filled.length === 0) return { place: 'none', shared: true };
  const keys = (entries: (typeof filled)[number]): string => entries.map((entry) => entry.key).join('\n');
  if (spec.legend === 'auto' && filled.length > 1 && filled.every((entries) => keys(entries) === keys(filled[0])))
    return { place: 'below', shared: true };
  return { place: spec.legend, shared: false };
}

interface Measured {
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

const heightOf = (box: TextBox | undefined): number => (box ? box.ascent + box.descent : 0);

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

function heatmapOf(panel: Panel): Heatmap | undefined {
  return panel.marks.find((mark) => mark.kind === 'heatmap');
}

interface Geometry {
  readonly measured: readonly Measured[];
  readonly frames: readonly Frame[];
  readonly width: number;
  readonly height: number;
}

/** Frames and margins that fit each other; margins depend on the numbers, those on the length of the axes: three rounds settle it. */
function place(
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
  for (let round = 0; ; round++) {
    const measured = plans.map((entry) => measure(entry, frameWidth, frameHeight, spec, fonts));
    const most = (key: 'left' | 'right' | 'top' | 'bottom', index: 'row' | 'column', at: number): number =>
      Math.max(0, ...measured.filter((_, k) => plans[k].panel[index] === at).map((entry) => entry[key]));
    const lefts = Array.from({ length: columns }, (_, c) => most('left', 'column', c));
    const rights = Array.from({ length: columns }, (_, c) => most('right', 'column', c));
    const tops = Array.from({ length: rows }, (_, r) => most('top', 'row', r));
    const bottoms = Array.from({ length: rows }, (_, r) => most('bottom', 'row', r));
    const sum = (list: readonly number[]): number => list.reduce((total, value) => total + value, 0);
    const outerX = 2 * edge + aside.right + sum(lefts) + sum(rights) + (columns - 1) * between.x;
    const outerY = 2 * edge + aside.top + aside.bottom + sum(tops) + sum(bottoms) + (rows - 1) * between.y;
    let nextWidth = (width - outerX) / columns;
    let nextHeight = spec.height_mm === 'auto' ? nextWidth * (square ? 1 : spec.frameAspect) : (height - outerY) / rows;
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
    const frames = plans.map(({ panel }) => ({
      x:
        edge +
        sum(lefts.slice(0, panel.column + 1)) +
        sum(rights.slice(0, panel.column)) +
        panel.column * (frameWidth + between.x),
      y:
        edge +
        aside.top +
        sum(tops.slice(0, panel.row + 1)) +
        sum(bottoms.slice(0, panel.row)) +
        panel.row * (frameHeight + between.y),
      width: frameWidth,
      height: frameHeight,
    }));
    return { measured, frames, width, height };
  }
}

const round1 = (value: number): number => Math.round(value * 10) / 10;

interface Drawn {
  readonly scene: Scene;
  readonly notes: readonly string[];
  readonly legend: LegendPlan;
}

function draw(
  spec: FigureSpec,
  plans: readonly PanelPlan[],
  fonts: FontLibrary,
  legend: LegendPlan,
  notes: readonly string[],
): Drawn {
  const { style } = spec;
  const fullWidth = spec.width_mm * pointsPerMm;
  const noteBox =
    notes.length > 0
      ? setLabel(notes.join('. ') + '.', fonts, {
          family: style.font,
          size: style.noteSize,
          maxWidth: fullWidth - 2 * edge - 2,
        })
      : undefined;
  const noteHeight = noteBox ? heightOf(noteBox) + 0.7 * style.noteSize : 0;
  const sideways = legend.place === 'right';
  const outside = legend.shared && (legend.place === 'below' || legend.place === 'above' || sideways);
  const block: LegendBlock | undefined = outside
    ? legendBlock(
        legendEntries(spec.panels),
        fonts,
        style,
        sideways ? fullWidth * 0.35 : fullWidth - 2 * edge,
        !sideways,
      )
    : undefined;
  const gap = 0.6 * style.legendSize;
  const geometry = place(spec, plans, fonts, {
    top: block && legend.place === 'above' ? block.height + gap : 0,
    bottom: noteHeight + (block && legend.place === 'below' ? block.height + gap : 0),
    right: block && sideways ? block.width + gap : 0,
  });

  const nodes: SceneNode[] = [];
  const texts: PlacedText[] = [];
  const found: string[] = [...spec.notes];
  const warnings: string[] = [];
  let wantsBelow = false;
  const panels: PanelGeometry[] = [];

  plans.forEach((entry, k) => {
    const { panel, domainX, domainY, letter } = entry;
    const frame = geometry.frames[k];
    const m = geometry.measured[k];
    const x = scaleOf(panel.x, domainX, frame.x, frame.x + frame.width);
    const y = scaleOf(panel.y, domainY, frame.y + frame.height, frame.y);
    panels.push({
      frame,
      x: { scale: panel.x.scale, min: domainX.min, max: domainX.max },
      y: { scale: panel.y.scale, min: domainY.min, max: domainY.max },
    });
    if (frame.width < 6 * style.tickSize || frame.height < 4 * style.tickSize)
      warnings.push(
        `panel ${k + 1} is only ${round1(frame.width / pointsPerMm)} x ${round1(frame.height / pointsPerMm)} mm`,
      );

    const drawn = drawMarks({ spec, panel, frame, x, y, domainX, domainY });
    found.push(...drawn.notes.map((note) => (letter ? `${letter} ${note}` : note)));
    const children: SceneNode[] = [...drawn.nodes];
    const map = heatmapOf(panel);
    if (map)
      children.push({
        kind: 'path',
        path: rectangle(frame.x, frame.y, frame.width, frame.height),
        stroke: { colour: colourOf('ink', style.palette), width: style.axisWidth },
      });
    const across = drawAxis({ axis: panel.x, ticks: m.ticksX, scale: x, frame, numbers: entry.showX }, true, style);
    const upright = drawAxis({ axis: panel.y, ticks: m.ticksY, scale: y, frame, numbers: entry.showY }, false, style);
    children.push(...across.nodes, ...upright.nodes);
    texts.push(...across.texts, ...upright.texts);
    if (map) {
      const bar = colourBar(map.colours, frame.height, fonts, style).draw(frame);
      children.push(...bar.nodes);
      texts.push(...bar.texts);
    }
    texts.push(...panelTexts(entry, m, frame, spec, fonts));
    for (const note of panel.annotations ?? [])
      annotate(note, { x, y, frame, spec, fonts }, children, texts, drawn.ink);
    if (drawn.ink.length === 0 && !map) {
      const message = domainX.empty || domainY.empty ? emptyMessage(panel) : 'nothing within the limits';
      const box = setLabel(message, fonts, {
        family: style.font,
        size: style.tickSize,
        maxWidth: frame.width * 0.9,
        align: 'center',
      });
      texts.push({
        box,
        x: frame.x + (frame.width - box.width) / 2,
        y: frame.y + frame.height / 2,
        angle: 0,
        role: 'message',
      });
    }
    if (!legend.shared) {
      const entries = legendEntries([panel]);
      if (entries.length > 0) {
        const inset = 0.6 * style.legendSize;
        const inside = legendBlock(entries, fonts, style, frame.width * 0.8 - 2 * inset, false);
        const choice = bestCorner(frame, inside.width, inside.height, inset, drawn.ink);
        const tooLarge =
          inside.height > 0.62 * frame.height || choice.covered > Math.max(1, 0.004 * (drawn.ink.length / 2));
        if (legend.place === 'auto' && tooLarge) wantsBelow = true;
        const corner =
          legend.place === 'auto'
            ? choice.corner
            : (legend.place as Exclude<LegendPlace, 'auto' | 'below' | 'above' | 'right' | 'none'>);
        const at = cornerPlace(corner, frame, inside.width, inside.height, inset);
        const placed = inside.place(at.x, at.y);
        children.push({
          kind: 'path',
          path: rectangle(at.x - 2, at.y - 1, inside.width + 4, inside.height + 2),
          fill: { colour: '#FFFFFF', opacity: 0.85 },
        });
        children.push({ kind: 'group', name: 'legend', children: placed.nodes });
        texts.push(...placed.texts);
      }
    }
    nodes.push({ kind: 'group', name: `panel-${k + 1}`, children });
  });

  if (block) {
    const at = sideways
      ? { x: geometry.width - edge - block.width, y: geometry.frames[0].y }
      : {
          x: Math.max(edge, (geometry.width - block.width) / 2),
          y: legend.place === 'above' ? edge : geometry.height - edge - noteHeight - block.height,
        };
    const placed = block.place(at.x, at.y);
    nodes.push({ kind: 'group', name: 'legend', children: placed.nodes });
    texts.push(...placed.texts);
  }
  if (noteBox)
    texts.push({
      box: noteBox,
      x: edge + 1,
      y: geometry.height - edge - heightOf(noteBox) + noteBox.ascent,
      angle: 0,
      role: 'note',
    });

  const muted = colourOf('muted', style.palette);
  const ink = colourOf('ink', style.palette);
  nodes.push({
    kind: 'group',
    name: 'text',
    children: texts.map(({ box, x, y, angle, role }): SceneNode => ({
      kind: 'text',
      box,
      x,
      y,
      angle,
      colour: role === 'note' || role === 'message' ? muted : ink,
    })),
  });
  warnings.push(...lint(texts, geometry.width, geometry.height));
  const unique = [...new Set(found)];
  return {
    scene: {
      width: geometry.width,
      height: geometry.height,
      width_mm: spec.width_mm,
      height_mm: spec.height_mm === 'auto' ? Math.round((geometry.height / pointsPerMm) * 10) / 10 : spec.height_mm,
      nodes,
      panels,
      notes: unique,
      warnings,
    },
    notes: unique,
    legend: wantsBelow ? { place: 'below', shared: true } : legend,
  };
}

function emptyMessage(panel: Panel): string {
  const some = panel.marks.some(
    (mark) =>
      mark.kind !== 'rule' && mark.kind !== 'region' && mark.kind !== 'slope' && 'x' in mark && mark.x.length > 0,
  );
  return some ? 'no positive value to draw' : 'no data';
}

function panelTexts(
  { letter, showX, showY }: PanelPlan,
  m: Measured,
  frame: Frame,
  spec: FigureSpec,
  fonts: FontLibrary,
): PlacedText[] {
  const { style } = spec;
  const { major, gap, labelGap } = lengths(style);
  const texts: PlacedText[] = [];
  if (m.labelX && showX) {
    const top =
      frame.y +
      frame.height +
      major +
      gap +
      m.ticksX.height +
      (m.ticksX.angle === 0 ? 0.22 * style.tickSize : 0) +
      labelGap;
    texts.push({
      box: m.labelX,
      x: frame.x + (frame.width - m.labelX.width) / 2,
      y: top + m.labelX.ascent,
      angle: 0,
      role: 'label',
    });
  }
  if (m.labelY && showY) {
    const right = frame.x - major - gap - m.ticksY.width - labelGap;
    texts.push({
      box: m.labelY,
      x: right - m.labelY.descent,
      y: frame.y + frame.height / 2 + m.labelY.width / 2,
      angle: 90,
      role: 'label',
    });
  }
  if (m.title)
    texts.push({
      box: m.title,
      x: frame.x + (frame.width - m.title.width) / 2,
      y: frame.y - 2 - m.title.descent,
      angle: 0,
      role: 'title',
    });
  if (letter) {
    const box = setLabel(letter, fonts, {
      family: style.font,
      size: style.panelLabelSize,
      style: style.panelLabels === 'bold' ? 'bold' : 'regular',
    });
    texts.push({ box, x: Math.max(edge, frame.x - m.left), y: frame.y - 3, angle: 0, role: 'letter' });
  }
  return texts;
}

interface AnnotationContext {
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
  readonly frame: Frame;
  readonly spec: FigureSpec;
  readonly fonts: FontLibrary;
}

function annotate(
  note: NonNullable<Panel['annotations']>[number],
  { x, y, frame, spec, fonts }: AnnotationContext,
  children: SceneNode[],
  texts: PlacedText[],
  ink: number[],
): void {
  const { style } = spec;
  const box = setLabel(note.text, fonts, {
    family: style.font,
    size: style.legendSize,
    maxWidth: frame.width,
    align: note.anchor === 'middle' ? 'center' : note.anchor === 'end' ? 'right' : 'left',
  });
  const px = note.in === 'data' ? x(note.x) : frame.x + note.x * frame.width;
  const py = note.in === 'data' ? y(note.y) : frame.y + (1 - note.y) * frame.height;
  if (!Number.isFinite(px) || !Number.isFinite(py))
    throw new InputError(`the annotation "${note.text}" stands at (${note.x}, ${note.y}), which its axes cannot show`);
  const left = note.anchor === 'middle' ? px - box.width / 2 : note.anchor === 'end' ? px - box.width : px;
  texts.push({ box, x: left, y: py, angle: 0, role: 'annotation' });
  for (let t = 0; t <= 1; t += 0.1) ink.push(left + t * box.width, py - 0.3 * style.legendSize);
  if (!note.to) return;
  const tx = x(note.to[0]);
  const ty = y(note.to[1]);
  if (!Number.isFinite(tx) || !Number.isFinite(ty))
    throw new InputError(`the annotation "${note.text}" points at (${note.to.join(', ')}), which its axes cannot show`);
  // From the nearest point of the text's box, with a small dot at the end.
  const fromX = Math.min(left + box.width + 1.5, Math.max(left - 1.5, tx));
  const fromY = Math.min(py + box.descent + 1, Math.max(py - box.ascent - 1, ty));
  const stroke = { colour: colourOf('muted', style.palette), width: style.axisWidth };
  children.push(
    { kind: 'path', path: [M, fromX, fromY, L, tx, ty], stroke },
    { kind: 'path', path: circle(tx, ty, 1), fill: { colour: stroke.colour } },
  );
}
