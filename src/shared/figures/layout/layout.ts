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
import { mergedNotes, notesText, saysOmission } from './notes.ts';
import { groupBlock, legendBlock, legendEntries, type LegendBlock, type LegendGroup } from './legend.ts';
import { lint } from './lint.ts';
import { paintPanel, statementsOf } from './panel.ts';
import type { Scene, SceneNode } from './scene.ts';

export function layoutFigure(spec: FigureSpec, fonts: FontLibrary): Scene {
  if (!(spec.width_mm > 0)) throw new InputError(`the width of a figure must be positive, not ${spec.width_mm} mm`);
  if (spec.height_mm !== 'auto' && !(spec.height_mm > 0))
    throw new InputError(`the height of a figure must be positive, not ${spec.height_mm} mm`);
  if (spec.panels.length === 0) throw new InputError('a figure needs at least one panel');
  const plans = planPanels(spec);
  let legend = legendPlan(spec, plans);
  let notes: readonly string[] = [];
  let before: Drawn | undefined;
  // What is left out is known once the marks are drawn, and its statement takes room, as a legend may: lay out again until nothing changes.
  for (let round = 0; ; round++) {
    let drawn: Drawn;
    try {
      drawn = draw(spec, plans, fonts, legend, notes);
    } catch (error) {
      // A page of a height that was asked for may have no room for a legend below: then it stays in the frames, with what that covers named.
      if (before !== undefined && error instanceof InputError) return before.scene;
      throw error;
    }
    before = drawn;
    const crowded = legend.moves ? plans.flatMap((_, k) => (drawn.crowded[k] ? [k] : [])) : [];
    const same = crowded.length === 0 && drawn.notes.join('\n') === notes.join('\n');
    if (same || round === 6) return drawn.scene;
    notes = drawn.notes;
    if (crowded.length === 0) continue;
    if (!legend.shared && legend.alike) legend = { ...legend, place: 'below', shared: true };
    else if (legend.shared && legend.bearing.size <= mostGroups)
      // The words once and the numbers of one panel below them would say all names twice.
      legend = { ...legend, shared: false, alike: false, outside: legend.bearing };
    else legend = { ...legend, outside: new Set([...legend.outside, ...crowded]) };
  }
}

/** Panels that keep a legend each, one under the other, where the numbers of one have no room in its frame. */
const mostGroups = 3;

interface LegendPlan {
  readonly place: LegendPlace;
  /** One legend for all panels at a side of the figure; else each has its own. */
  readonly shared: boolean;
  /** One legend would serve several panels. */
  readonly alike: boolean;
  /** Panels with entries. */
  readonly bearing: ReadonlySet<number>;
  /** Panels whose legend, or whose own numbers, stand below the figure behind their letters. */
  readonly outside: ReadonlySet<number>;
  /** What has no room in a frame goes below. */
  readonly moves: boolean;
}

function legendPlan(spec: FigureSpec, plans: readonly PanelPlan[]): LegendPlan {
  const several = plans.length > 1;
  const keysOf = (common: boolean): string[] =>
    plans
      .map(({ panel }) => legendEntries([panel], common))
      .filter((entries) => entries.length > 0)
      .map((entries) => entries.map((entry) => entry.key).join('\n'));
  const panelKeys = keysOf(false);
  const common = keysOf(several);
  const isSame = (keys: readonly string[]): boolean => keys.every((each) => each === keys[0]);
  const bearing = new Set(plans.flatMap(({ panel }, k) => (legendEntries([panel]).length > 0 ? [k] : [])));
  const alike = bearing.size > 1 && isSame(common);
  const base = { place: spec.legend, outside: new Set<number>(), alike, bearing, moves: false };
  if (spec.legend === 'none' || panelKeys.length === 0) return { ...base, place: 'none', shared: true };
  if (spec.legend === 'below' || spec.legend === 'above' || spec.legend === 'right') {
    const grouped = spec.legend !== 'right' && several && !alike;
    return {
      ...base,
      shared: !grouped,
      outside: new Set(grouped ? plans.keys() : []),
      moves: !grouped,
    };
  }
  if (spec.legend !== 'auto') return { ...base, shared: false };
  if (panelKeys.length > 1 && isSame(panelKeys)) return { ...base, place: 'below', shared: true, moves: true };
  return { ...base, shared: false, moves: true };
}

/** The legend outside the frames, if there is one. */
function outsideBlock(
  spec: FigureSpec,
  plans: readonly PanelPlan[],
  fonts: FontLibrary,
  { place: at, shared, outside }: LegendPlan,
): LegendBlock | undefined {
  const { style } = spec;
  const width = spec.width_mm * pointsPerMm;
  const sideways = at === 'right';
  const hasShared = shared && (at === 'below' || at === 'above' || sideways);
  const panels = plans.map(({ panel }) => panel);
  const main = hasShared
    ? legendBlock(
        legendEntries(panels, panels.length > 1),
        fonts,
        style,
        sideways ? width * 0.35 : width - 2 * edge,
        !sideways,
      )
    : undefined;
  if (outside.size === 0) return main;
  const groups = [...outside]
    .sort((a, b) => a - b)
    .map((k): LegendGroup => ({
      letter: plans[k].letter,
      entries: shared ? [] : legendEntries([plans[k].panel]),
      statements: shared ? statementsOf(plans[k].panel) : [],
    }))
    .filter(({ entries, statements }) => entries.length + statements.length > 0)
    .reduce<LegendGroup[]>(withGroup, []);
  const room = width - 2 * edge;
  const [only] = groups;
  const rest =
    groups.length === 1 && only.letter === '' && only.statements.length === 0
      ? legendBlock(only.entries, fonts, style, room, true)
      : groupBlock(groups, fonts, style, room);
  return main === undefined ? rest : stacked(main, rest);
}

/** A group more; one that says the same as another only adds its letter to it: "(a), (e)". */
function withGroup(groups: LegendGroup[], group: LegendGroup): LegendGroup[] {
  const said = ({ entries, statements }: LegendGroup): string =>
    [...entries.map(({ key }) => key), ...statements].join('\n');
  const same = groups.findIndex((other) => said(other) === said(group));
  if (same < 0) return [...groups, group];
  return groups.map((other, k) => (k === same ? { ...other, letter: `${other.letter}, ${group.letter}` } : other));
}

function stacked(above: LegendBlock, below: LegendBlock): LegendBlock {
  const width = Math.max(above.width, below.width);
  return {
    width,
    height: above.height + below.height,
    wrapped: above.wrapped || below.wrapped,
    place(x, y) {
      const first = above.place(x + (width - above.width) / 2, y);
      const second = below.place(x + (width - below.width) / 2, y + above.height);
      return { nodes: [...first.nodes, ...second.nodes], texts: [...first.texts, ...second.texts] };
    },
  };
}

interface Drawn {
  readonly scene: Scene;
  readonly notes: readonly string[];
  /** By panel, whether what stands in its frame has no room there. */
  readonly crowded: readonly boolean[];
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
      ? setLabel(notesText(notes), fonts, {
          family: style.font,
          size: style.noteSize,
          maxWidth: fullWidth - 2 * edge - 2,
        })
      : undefined;
  const noteHeight = noteBox ? heightOf(noteBox) + 0.7 * style.noteSize : 0;
  const sideways = legend.place === 'right';
  const block = outsideBlock(spec, plans, fonts, legend);
  const gap = 0.6 * style.legendSize;
  const geometry = place(spec, plans, fonts, {
    top: block && legend.place === 'above' ? block.height + gap : 0,
    bottom: noteHeight + (block && !sideways && legend.place !== 'above' ? block.height + gap : 0),
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
      legend: legend.outside.has(k) ? 'outside' : legend.shared ? 'shared' : 'own',
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
    const position = sideways
      ? { x: geometry.width - edge - block.width, y: geometry.frames[0].y }
      : {
          x: Math.max(edge, (geometry.width - block.width) / 2),
          y: legend.place === 'above' ? edge : geometry.height - edge - noteHeight - block.height,
        };
    corner = position;
    const placed = block.place(position.x, position.y);
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
  const unique = mergedNotes([
    ...spec.notes.map((text) => ({ text, letter: '' })),
    ...painted.flatMap((panel, k) => panel.notes.map((text) => ({ text, letter: plans[k].letter }))),
  ]);
  return {
    scene: {
      width: geometry.width,
      height: geometry.height,
      width_mm: spec.width_mm,
      height_mm: spec.height_mm === 'auto' ? Math.round((geometry.height / pointsPerMm) * 10) / 10 : spec.height_mm,
      nodes,
      panels: painted.map((panel) => panel.geometry),
      legend: {
        place:
          block === undefined || legend.place === 'none'
            ? legend.place === 'none'
              ? 'none'
              : 'frames'
            : sideways || legend.place === 'above'
              ? legend.place
              : 'below',
        ...corner,
      },
      notes: unique,
      // If all was left out on the way here, the figure's own notes say why.
      empty: painted.every(({ empty }) => empty !== null)
        ? (spec.notes.find(saysOmission) ?? [...new Set(painted.map(({ empty }) => empty))].join('; '))
        : undefined,
      warnings: [...painted.flatMap((panel) => panel.warnings), ...lint(texts, geometry.width, geometry.height)],
    },
    notes: unique,
    crowded: painted.map((panel) => panel.crowded),
  };
}
