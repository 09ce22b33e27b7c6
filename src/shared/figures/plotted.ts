/** The numbers behind a figure, row by row: exactly what is drawn, for CSV files and redrawing. */
import type { Scene } from './layout/scene.ts';
import { shownPoints } from './layout/points.ts';
import { scaleOf } from './layout/scales.ts';
import type { FigureSpec, Mark } from './types.ts';

/** Columns of the table. Each row is one element; a column that does not apply is empty (undefined). */
export const plottedColumns = [
  'panel',
  'mark',
  'series',
  'x',
  'y',
  'x_low',
  'x_high',
  'y_low',
  'y_high',
  'value',
] as const;

export interface PlottedRow {
  /** 1, 2, ... in the order of the panels. */
  readonly panel: number;
  /** Place of the mark within its panel, from 1. */
  readonly index: number;
  readonly mark: Mark['kind'];
  readonly series: string;
  readonly x?: number;
  readonly y?: number;
  readonly x_low?: number;
  readonly x_high?: number;
  readonly y_low?: number;
  readonly y_high?: number;
  /** Of a cell of a heatmap. */
  readonly value?: number;
}

/**
 * Points and vertices within the limits of the axes (points beyond them, not positive on a logarithmic axis, or thinned out are not drawn and not
 * listed), edges of bands, places of rules, ends of slopes, cells of heatmaps (middle x, y).
 */
export function plottedRows(spec: FigureSpec, scene: Scene): PlottedRow[] {
  const rows: PlottedRow[] = [];
  spec.panels.forEach((panel, k) => {
    const { frame, x: axisX, y: axisY } = scene.panels[k];
    const scaleX = scaleOf(panel.x, { ...axisX, empty: false }, frame.x, frame.x + frame.width);
    const scaleY = scaleOf(panel.y, { ...axisY, empty: false }, frame.y + frame.height, frame.y);
    const shown = (value: number, axis: typeof axisX): boolean =>
      Number.isFinite(value) && (axis.scale !== 'log' || value > 0);
    panel.marks.forEach((mark, index) => {
      const base = { panel: k + 1, index: index + 1, mark: mark.kind, series: mark.name };
      const add = (values: Omit<PlottedRow, 'panel' | 'index' | 'mark' | 'series'>): void =>
        void rows.push({ ...base, ...values });
      switch (mark.kind) {
        case 'points': {
          const most = spec.points.mode === 'thin' ? spec.points.limit : Infinity;
          const { indices } = shownPoints(mark, scaleX, scaleY, frame, most);
          for (const i of indices)
            add({
              x: mark.x[i],
              y: mark.y[i],
              ...finite('y_low', mark.yLow?.[i]),
              ...finite('y_high', mark.yHigh?.[i]),
            });
          return;
        }
        case 'line':
          mark.x.forEach((x, i) => {
            if (shown(x, axisX) && shown(mark.y[i], axisY)) add({ x, y: mark.y[i] });
          });
          return;
        case 'band':
          mark.x.forEach((x, i) => {
            if (shown(x, axisX) && shown(mark.high[i], axisY) && !Number.isNaN(mark.low[i]))
              add({ x, y_low: mark.low[i], y_high: mark.high[i] });
          });
          return;
        case 'rule':
          add(mark.axis === 'x' ? { x: mark.value } : { y: mark.value });
          return;
        case 'region':
          add(mark.axis === 'x' ? { x_low: mark.from, x_high: mark.to } : { y_low: mark.from, y_high: mark.to });
          return;
        case 'slope': {
          const [x0, y0] = mark.through;
          const [from, to] = mark.between ?? [axisX.min, axisX.max];
          const straight = axisX.scale === 'log' && axisY.scale === 'log';
          const steps = straight ? 1 : 64;
          for (let i = 0; i <= steps; i++) {
            const x = axisX.scale === 'log' ? from * (to / from) ** (i / steps) : from + ((to - from) * i) / steps;
            add({ x, y: y0 * (x / x0) ** mark.slope });
          }
          return;
        }
        case 'heatmap': {
          const [x0, x1] = mark.x;
          const [y0, y1] = mark.y;
          mark.values.forEach((value, i) => {
            const r = Math.floor(i / mark.columns);
            const c = i % mark.columns;
            add({ x: x0 + ((c + 0.5) / mark.columns) * (x1 - x0), y: y0 + ((r + 0.5) / mark.rows) * (y1 - y0), value });
          });
          return;
        }
        default:
          mark satisfies never;
          throw new Error('unknown mark');
      }
    });
  });
  return rows;
}

function finite<Key extends string>(key: Key, value: number | undefined): Partial<Record<Key, number>> {
  return value !== undefined && Number.isFinite(value) ? ({ [key]: value } as Record<Key, number>) : {};
}

/** RFC 4180 with a header; numbers as JavaScript prints them (the shortest that reads back the same). */
export function plottedCsv(rows: readonly PlottedRow[]): string {
  const quote = (text: string): string => (/[",\n\r]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text);
  const lines = rows.map((row) =>
    [
      row.panel,
      row.mark,
      quote(`${row.index}:${row.series}`),
      row.x,
      row.y,
      row.x_low,
      row.x_high,
      row.y_low,
      row.y_high,
      row.value,
    ]
      .map((value) => value ?? '')
      .join(','),
  );
  return `${plottedColumns.join(',')}\n${lines.join('\n')}${lines.length > 0 ? '\n' : ''}`;
}
