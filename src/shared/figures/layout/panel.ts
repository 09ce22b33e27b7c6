/** One panel: its marks, axes, words, and the legend in its frame. */
import { InputError } from '../../errors.ts';
import type { FontLibrary } from '../fonts/library.ts';
import { colourOf } from '../palettes.ts';
import { circle, L, M, rectangle } from '../path.ts';
import { setLabel } from '../text/label.ts';
import type { FigureSpec, LegendPlace, Panel } from '../types.ts';
import { drawAxis, lengths, type PlacedText } from './axes.ts';
import { colourBar } from './colourbar.ts';
import { edge, heatmapOf, pointsPerMm, round1, type Measured, type PanelPlan } from './frames.ts';
import { bestCorner, cornerPlace, legendBlock, legendEntries, type Corner } from './legend.ts';
import { drawMarks } from './marks.ts';
import type { DrawnPanel } from './points.ts';
import { scaleOf } from './scales.ts';
import type { Frame, PanelGeometry, SceneNode } from './scene.ts';

export interface PanelRequest {
  readonly spec: FigureSpec;
  readonly fonts: FontLibrary;
  readonly plan: PanelPlan;
  readonly measured: Measured;
  readonly frame: Frame;
  /** Left end of the panel's letter. */
  readonly letterX: number;
  /** own: its legend in the frame; shared: one legend stands outside, its own numbers in the frame; outside: nothing of it in the frame. */
  readonly legend: 'own' | 'shared' | 'outside';
  readonly legendPlace: LegendPlace;
}

export interface PaintedPanel {
  readonly nodes: SceneNode[];
  readonly texts: PlacedText[];
  readonly notes: string[];
  readonly warnings: string[];
  /** Why there is nothing to see; null if something is drawn. */
  readonly empty: string | null;
  readonly geometry: PanelGeometry;
  /** Whether its legend, or its numbers, have no room in the frame that is clear of the data. */
  readonly crowded: boolean;
}

export function paintPanel(request: PanelRequest): PaintedPanel {
  const { spec, fonts, plan, measured, frame, legend } = request;
  const { style } = spec;
  const { panel, domainX, domainY } = plan;
  const x = scaleOf(panel.x, domainX, frame.x, frame.x + frame.width);
  const y = scaleOf(panel.y, domainY, frame.y + frame.height, frame.y);
  const nodes: SceneNode[] = [];
  const texts: PlacedText[] = [];
  const warnings: string[] = [];
  if (frame.width < 6 * style.tickSize || frame.height < 4 * style.tickSize)
    warnings.push(`a panel is only ${round1(frame.width / pointsPerMm)} x ${round1(frame.height / pointsPerMm)} mm`);

  const drawn = drawMarks({ style, points: spec.points, panel, frame, x, y, domainX, domainY, onScreen: false });
  nodes.push(...drawn.nodes);
  const map = heatmapOf(panel);
  if (map)
    nodes.push({
      kind: 'path',
      path: rectangle(frame.x, frame.y, frame.width, frame.height),
      stroke: { colour: colourOf('ink', style.palette), width: style.axisWidth },
    });
  const across = drawAxis({ axis: panel.x, ticks: measured.ticksX, scale: x, frame, numbers: plan.showX }, true, style);
  const upright = drawAxis(
    { axis: panel.y, ticks: measured.ticksY, scale: y, frame, numbers: plan.showY },
    false,
    style,
  );
  nodes.push(...across.nodes, ...upright.nodes);
  texts.push(...across.texts, ...upright.texts);
  if (map) {
    const bar = colourBar(map.colours, frame.height, fonts, style).draw(frame);
    nodes.push(...bar.nodes);
    texts.push(...bar.texts);
  }
  texts.push(...panelTexts(plan, measured, frame, request.letterX, spec, fonts));
  for (const note of panel.annotations ?? []) annotate(note, { x, y, frame, spec, fonts }, nodes, texts, drawn.ink);
  const message =
    drawn.ink.length > 0 || map
      ? undefined
      : domainX.empty || domainY.empty
        ? emptyMessage(panel)
        : 'nothing within the limits';
  if (message !== undefined) {
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
  const crowded =
    legend === 'outside'
      ? false
      : legend === 'shared'
        ? ownNumbers(request, drawn, nodes, texts)
        : ownLegend(request, drawn, nodes, texts);
  return {
    nodes,
    texts,
    notes: drawn.notes,
    warnings,
    empty: map?.values.every((value) => value === 0) === true ? 'every element is 0' : (message ?? null),
    geometry: {
      frame,
      x: {
        scale: panel.x.scale,
        min: domainX.min,
        max: domainX.max,
        ticks: measured.ticksX.ticks.map(({ tick }) => tick),
        numbers: plan.showX,
      },
      y: {
        scale: panel.y.scale,
        min: domainY.min,
        max: domainY.max,
        ticks: measured.ticksY.ticks.map(({ tick }) => tick),
        numbers: plan.showY,
      },
    },
    crowded,
  };
}

/** The legend in the frame. Returns whether it has no room there: then it covers something, or breaks its words. */
function ownLegend(
  { spec, fonts, plan, frame, legendPlace }: PanelRequest,
  drawn: DrawnPanel,
  nodes: SceneNode[],
  texts: PlacedText[],
): boolean {
  const { style } = spec;
  const entries = legendEntries([plan.panel]);
  if (entries.length === 0) return false;
  const inset = 0.6 * style.legendSize;
  // In a column or side by side, whichever stands clear of the data.
  const options = [false, true].map((spread) => {
    const block = legendBlock(entries, fonts, style, frame.width * (spread ? 1 : 0.8) - 2 * inset, spread);
    const choice = bestCorner(frame, block.width, block.height, inset, drawn.ink, drawn.lines);
    const crowded = block.wrapped || block.height > 0.62 * frame.height || choice.data > 0 || choice.lines > 4;
    return { block, choice, crowded };
  });
  const { block, choice, crowded } = options.find((option) => !option.crowded) ?? options[0];
  const corner = legendPlace === 'auto' ? choice.corner : (legendPlace as Corner);
  const topLeft = cornerPlace(corner, frame, block.width, block.height, inset);
  const placed = block.place(topLeft.x, topLeft.y);
  if (choice.data + choice.lines > 0 || legendPlace !== 'auto')
    nodes.push({
      kind: 'path',
      path: rectangle(topLeft.x - 2, topLeft.y - 1, block.width + 4, block.height + 2),
      fill: { colour: '#FFFFFF', opacity: 0.85 },
    });
  nodes.push({ kind: 'group', name: 'legend', children: placed.nodes });
  texts.push(...placed.texts);
  return crowded;
}

/** The numbers that belong to a panel alone under a shared legend ("n = 126 directions"). */
export function statementsOf(panel: Panel): string[] {
  return panel.marks
    .flatMap((mark) =>
      mark.kind !== 'heatmap' && mark.shared !== undefined && mark.label !== undefined && mark.label !== mark.shared
        ? [{ text: mark.label, order: mark.order ?? 0 }]
        : [],
    )
    .sort((a, b) => a.order - b.order)
    .map(({ text }) => text);
}

/** Those numbers in the panel's emptiest corner. Returns whether none is clear of the data and of reference lines. */
function ownNumbers(
  { spec, fonts, plan, frame, legendPlace }: PanelRequest,
  drawn: DrawnPanel,
  nodes: SceneNode[],
  texts: PlacedText[],
): boolean {
  if (spec.panels.length === 1 || legendPlace === 'none') return false;
  const { style } = spec;
  const lines = statementsOf(plan.panel);
  if (lines.length === 0) return false;
  const text = lines.join('\n');
  const size = style.tickSize;
  const inset = 0.5 * size;
  const room = frame.width - 2 * inset;
  const box = setLabel(text, fonts, { family: style.font, size, maxWidth: room });
  const height = box.ascent + box.descent;
  const choice = bestCorner(frame, box.width, height, inset, drawn.ink, drawn.lines);
  const topLeft = cornerPlace(choice.corner, frame, box.width, height, inset);
  if (choice.data + choice.lines > 0)
    nodes.push({
      kind: 'path',
      path: rectangle(topLeft.x - 1, topLeft.y - 1, box.width + 2, height + 2),
      fill: { colour: '#FFFFFF', opacity: 0.8 },
    });
  texts.push({ box, x: topLeft.x, y: topLeft.y + box.ascent, angle: 0, role: 'annotation' });
  return choice.data + choice.lines > 0 || setLabel(text, fonts, { family: style.font, size }).width > room + 1e-6;
}

/** Why a panel of which an axis has no value shows nothing. */
export function emptyMessage(panel: Panel): string {
  const some = panel.marks.filter(
    (mark) =>
      mark.kind !== 'rule' && mark.kind !== 'region' && mark.kind !== 'slope' && 'x' in mark && mark.x.length > 0,
  );
  if (some.length === 0) return 'no data';
  const zero = some.every((mark) => 'y' in mark && mark.y.every((value) => value === 0));
  return zero ? 'every value is 0' : 'no positive value to draw';
}

function panelTexts(
  { letter, showX, showY }: PanelPlan,
  m: Measured,
  frame: Frame,
  letterX: number,
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
      // A label longer than the frame begins at its top, clear of the letter, and runs on below it.
      y: frame.y + Math.max(frame.height / 2 + m.labelY.width / 2, m.labelY.width + 2),
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
    texts.push({ box, x: Math.max(edge, letterX), y: frame.y - 3, angle: 0, role: 'letter' });
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
