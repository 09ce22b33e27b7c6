/** The curves and points of a comparison as a panel of a figure. Pure. */
import { withSymbols } from '../symbols.ts';
import type { Axis, Line, Mark as FigureMark, Panel, Points } from '../../shared/figures/types.ts';
import type { OverlayMark } from './marks.ts';

export interface OverlayAxes {
  readonly x: Axis;
  readonly y: Axis;
}

/** line: points joined, intervals as a band; points: each by itself; bars: points with error bars. */
export type OverlayKind = 'line' | 'points' | 'bars';

export interface OverlayOptions {
  /** Bars whose points are joined, if x is no category. */
  readonly joined?: boolean;
  /** Lines across, as the bounds 1 and 2 of gamma. */
  readonly references?: readonly number[];
  /** Ids of marks of one point each, joined in this order by a thin line. */
  readonly joins?: readonly (readonly string[])[];
}

/** With more marks than this, lines are translucent; and dashes, which cost ten times a plain line, are no longer recognisable. */
const faintFrom = 25;
const mostDashed = 48;
/** Pixels between the error bars of two marks over one x, and over all of them. */
const betweenBars = 5;
const mostAside = 24;

export function overlayPanel(
  marks: readonly OverlayMark[],
  kind: OverlayKind,
  { x, y }: OverlayAxes,
  { joined = false, references = [], joins = [] }: OverlayOptions = {},
): Panel {
  const placed = placedMarks(marks, x);
  const shifts = kind === 'bars' && x.scale !== 'category' ? barShifts(marks) : new Map<number, number>();
  const byId = new Map(marks.map((mark) => [mark.id, mark]));
  return {
    row: 0,
    column: 0,
    x,
    y,
    marks: [
      ...references.map((value): FigureMark => ({ kind: 'rule', name: `bound_${value}`, axis: 'y', value, colour: 'muted', dash: 'dashed' })), // prettier-ignore
      ...joins.map((ids, k): Line => {
        const points = ids.flatMap((id) => byId.get(id) ?? []);
        return { kind: 'line', name: `join_${k}`, x: points.map((mark) => mark.x[0]), y: points.map((mark) => mark.y[0]), colour: 'faint', dash: 'solid', width: 0.67 }; // prettier-ignore
      }),
      ...placed.flatMap((mark, k) =>
        kind === 'line'
          ? curveOf(mark, marks.length)
          : [pointsOf(mark, kind, { shift: shifts.get(k), joined, among: marks.length })],
      ),
    ],
  };
}

function curveOf(mark: OverlayMark, among: number): FigureMark[] {
  const { name, colour, low, high } = mark;
  const x = Array.from(mark.x);
  const line: Line = {
    kind: 'line',
    name,
    x,
    y: Array.from(mark.y),
    colour,
    dash: among <= mostDashed ? mark.dash : 'solid',
    what: 'points',
    opacity: among >= faintFrom ? 0.55 : undefined,
  };
  if (low === undefined || high === undefined) return [line];
  return [{ kind: 'band', name, x, low: Array.from(low), high: Array.from(high), colour, opacity: 0.18 }, line];
}

interface Placing {
  /** Of its error bars. */
  readonly shift: number | undefined;
  readonly joined: boolean;
  readonly among: number;
}

function pointsOf(mark: OverlayMark, kind: 'points' | 'bars', { shift, joined, among }: Placing): Points {
  const { name, colour, low, high } = mark;
  return {
    kind: 'points',
    name,
    x: Array.from(mark.x),
    y: Array.from(mark.y),
    yLow: low && Array.from(low),
    yHigh: high && Array.from(high),
    barShift: shift,
    colour,
    marker: mark.shape,
    what: 'points',
    ...(kind === 'points' ? { size: 3.5, opacity: 0.5 } : { size: 7, opacity: shift === undefined ? 1 : 0.75 }),
    join: !joined ? undefined : among <= mostDashed ? mark.dash : 'solid',
  };
}

/** Over numbers a point stands at its value, always. Over names marks are side by side, because a name has room on both sides. */
export function placedMarks(marks: readonly OverlayMark[], x: Axis): readonly OverlayMark[] {
  if (x.scale !== 'category' || marks.length < 2) return marks;
  return marks.map((mark, k) => {
    const beside = 0.6 * (k / (marks.length - 1) - 0.5);
    return { ...mark, x: Float64Array.from(mark.x, (value) => value + beside) };
  });
}

/** Marks over the same x move their intervals aside, not their points. Curves of several points share most of their x: all of them are one group. */
function barShifts(marks: readonly OverlayMark[]): Map<number, number> {
  const areLone = marks.every(({ x }) => x.length === 1);
  const groups = Map.groupBy(marks.keys(), (k) => (areLone ? marks[k].x[0] : 0));
  const shifts = new Map<number, number>();
  for (const group of groups.values())
    group.forEach((mark, k) => {
      const step = Math.min(betweenBars, mostAside / (group.length - 1));
      if (group.length > 1) shifts.set(mark, (k - (group.length - 1) / 2) * step);
    });
  return shifts;
}

/** An axis of plain words, not formulas. */
export function namedAxis(name: string, rest: Partial<Omit<Axis, 'label'>> = {}): Axis {
  return { scale: 'linear', ...rest, label: withSymbols(name) };
}
