/**
 * A specification to a scene: limits, ticks, margins, frames, legend, notes. Frames of a column share their left and right edges, those of a row their
 * top and bottom. Nothing is drawn outside the page; whatever would overlap or be too small is named in `warnings`.
 */
import { InputError } from '../../errors.ts';
import type { FontLibrary } from '../fonts/library.ts';
import { colourOf } from '../palettes.ts';
import { setLabel } from '../text/label.ts';
import type { FigureSpec, LegendPlace } from '../types.ts';
import type { PlacedText } from './axes.ts';
import { edge, heightOf, place, planPanels, pointsPerMm, type PanelPlan } from './frames.ts';
import { legendBlock, legendEntries, type LegendBlock } from './legend.ts';
import { lint } from './lint.ts';
import { paintPanel } from './panel.ts';
import type { Scene, SceneNode } from './scene.ts';

export function layoutFigure(spec: FigureSpec, fonts: FontLibrary): Scene {
  if (!(spec.width_mm > 0)) throw new InputError(`the width of a figure must be positive, not ${spec.width_mm} mm`);
  if (spec.height_mm !== 'auto' && !(spec.height_mm > 0))
    throw new InputError(`the height of a figure must be positive, not ${spec.height_mm} mm`);
  if (spec.panels.length === 0) throw new InputError('a figure needs at least one panel');
  let plans = planPanels(spec);
  let legend = legendPlan(spec);
  let notes: readonly string[] = [];
  // What is left out is known once the marks are drawn, and its statement takes room, as a legend may: lay out again until nothing changes.
  for (let round = 0; ; round++) {
    const drawn = draw(spec, plans, fonts, legend, notes);
    const crowded = legend.place === 'auto' && !legend.settled && drawn.crowded.some((share) => share > 0);
    const same = !crowded && drawn.notes.join('\n') === notes.join('\n');
    if (same || round === 4) return drawn.scene;
    notes = drawn.notes;
    if (!crowded) continue;
    if (legend.alike) legend = { place: 'below', shared: true, alike: true };
    else {
      // Legends that differ stay with their panels, which get room for them above the data.
      plans = planPanels(spec, drawn.crowded);
      legend = { ...legend, settled: true };
    }
  }
}

/** One legend for the figure at a side, or one in each frame. */
interface LegendPlan {
  readonly place: LegendPlace;
  readonly shared: boolean;
  /** One legend would serve all panels. */
  readonly alike: boolean;
  /** Room has been made: what is crowded now stays so. */
  readonly settled?: boolean;
}

function legendPlan(spec: FigureSpec): LegendPlan {
  const outside = spec.legend === 'below' || spec.legend === 'above' || spec.legend === 'right';
  if (spec.legend === 'none' || outside) return { place: spec.legend, shared: true, alike: true };
  const keysOf = (common: boolean): string[] =>
    spec.panels
      .map((panel) => legendEntries([panel], common))
      .filter((entries) => entries.length > 0)
      .map((entries) => entries.map((entry) => entry.key).join('\n'));
  const own = keysOf(false);
  if (own.length === 0) return { place: 'none', shared: true, alike: true };
  if (spec.legend === 'auto' && own.length > 1 && own.every((keys) => keys === own[0]))
    return { place: 'below', shared: true, alike: true };
  const common = keysOf(spec.panels.length > 1);
  return { place: spec.legend, shared: false, alike: common.every((keys) => keys === common[0]) };
}

interface Drawn {
  readonly scene: Scene;
  readonly notes: readonly string[];
  /** By panel, the share of the frame's height that its legend needs where it covers data; 0 where it is well. */
  readonly crowded: readonly number[];
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
        legendEntries(spec.panels, spec.panels.length > 1),
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

  const painted = plans.map((entry, k) =>
    paintPanel({
      spec,
      fonts,
      plan: entry,
      measured: geometry.measured[k],
      frame: geometry.frames[k],
      letterX: geometry.letters[k],
      sharedLegend: legend.shared,
      legendPlace: legend.place,
    }),
  );
  const nodes: SceneNode[] = painted.map(({ nodes: children }, k) => ({
    kind: 'group',
    name: `panel-${k + 1}`,
    children,
  }));
  const texts: PlacedText[] = painted.flatMap((panel) => panel.texts);

  let corner = { x: 0, y: 0 };
  if (block) {
    const at = sideways
      ? { x: geometry.width - edge - block.width, y: geometry.frames[0].y }
      : {
          x: Math.max(edge, (geometry.width - block.width) / 2),
          y: legend.place === 'above' ? edge : geometry.height - edge - noteHeight - block.height,
        };
    corner = at;
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
  const unique = [...new Set([...spec.notes, ...painted.flatMap((panel) => panel.notes)])];
  return {
    scene: {
      width: geometry.width,
      height: geometry.height,
      width_mm: spec.width_mm,
      height_mm: spec.height_mm === 'auto' ? Math.round((geometry.height / pointsPerMm) * 10) / 10 : spec.height_mm,
      nodes,
      panels: painted.map((panel) => panel.geometry),
      legend: {
        place: outside ? legend.place : legend.place === 'none' ? 'none' : 'frames',
        ...corner,
      },
      notes: unique,
      ...(painted.every(({ empty }) => empty !== null)
        ? { empty: [...new Set(painted.map(({ empty }) => empty))].join('; ') }
        : {}),
      warnings: [...painted.flatMap((panel) => panel.warnings), ...lint(texts, geometry.width, geometry.height)],
    },
    notes: unique,
    crowded: painted.map((panel) => panel.crowded),
  };
}
