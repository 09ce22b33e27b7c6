/** The parts of ECharts that the window uses, and how its charts look: no default palette, legend or font. */
import { HeatmapChart, LineChart, ScatterChart, CustomChart } from 'echarts/charts';
import { GridComponent, VisualMapComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import type { EChartsCoreOption } from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';
import { powerText } from '../../shared/figures/numbers.ts';
import { linearTicks, logTicks } from '../../shared/figures/ticks.ts';
import type { Tick } from '../../shared/figures/ticks.ts';
import type { AxisRange } from './range.ts';

export type { AxisRange };

echarts.use([ScatterChart, LineChart, HeatmapChart, CustomChart, GridComponent, VisualMapComponent, CanvasRenderer]);

export const initChart = echarts.init;
export type Chart = echarts.ECharts;
export type ChartOption = EChartsCoreOption;

/** Colours of tokens.css as a canvas takes them, for the theme on show. */
export interface ChartColours {
  readonly text: string;
  readonly soft: string;
  readonly line: string;
  readonly strong: string;
  readonly paper: string;
  readonly accent: string;
  readonly data: readonly string[];
}

export function readColours(element: HTMLElement): ChartColours {
  const probe = document.createElement('span');
  element.append(probe);
  const read = (name: string): string => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  };
  const colours: ChartColours = {
    text: read('text'),
    soft: read('text-soft'),
    line: read('line'),
    strong: read('line-strong'),
    paper: read('paper'),
    accent: read('accent'),
    data: Array.from({ length: 8 }, (_, i) => read(`data-${i}`)),
  };
  probe.remove();
  return colours;
}

/**
 * A logarithmic axis done by hand: positions are log10 of the values on a linear axis, with ticks at every decade and minor ticks at 2..9 (ECharts' own
 * logarithmic axis misplaces minor ticks and gives up beyond ten decades). Answers two axes, the second for minor ticks; series use the first.
 */
export function logAxes(
  range: AxisRange,
  pixels: number,
  name: string,
  colours: ChartColours,
  side: 'x' | 'y',
): object[] {
  const ticks = logTicks(10 ** range.low, 10 ** range.high, pixels, side === 'x' ? 44 : 26);
  return axesOf(
    range,
    ticks.map((tick) => ({ ...tick, value: Math.log10(tick.value) })),
    name,
    colours,
    side,
  );
}

export function linearAxes(
  range: AxisRange,
  pixels: number,
  name: string,
  colours: ChartColours,
  side: 'x' | 'y',
  integers = false,
): object[] {
  return axesOf(
    range,
    linearTicks(range.low, range.high, pixels, side === 'x' ? 64 : 32, integers),
    name,
    colours,
    side,
  );
}

function axesOf(
  range: AxisRange,
  ticks: readonly Tick[],
  name: string,
  colours: ChartColours,
  side: 'x' | 'y',
): object[] {
  const labels = new Map(
    ticks.filter(({ label }) => label !== undefined).map(({ value, label }) => [value, textOf(label)]),
  );
  const majors = ticks.filter(({ major }) => major).map(({ value }) => value);
  const minors = ticks.filter(({ major }) => !major).map(({ value }) => value);
  const base = {
    type: 'value',
    min: range.low,
    max: range.high,
    position: side === 'x' ? 'bottom' : 'left',
    splitLine: { show: false },
    axisLine: { show: true, onZero: false, lineStyle: { color: colours.strong } },
  };
  return [
    {
      ...base,
      name,
      nameLocation: 'middle',
      nameGap: side === 'x' ? 28 : 44,
      nameTextStyle: { color: colours.soft, fontSize: 12, fontFamily: font, rich: mathStyles },
      axisTick: { show: true, length: 6, customValues: majors, lineStyle: { color: colours.strong } },
      axisLabel: {
        customValues: [...labels.keys()],
        formatter: (value: number) => labelOf(labels, value),
        color: colours.soft,
        fontSize: 11.5,
        fontFamily: font,
        hideOverlap: true,
      },
    },
    {
      ...base,
      axisLine: { show: false, onZero: false },
      axisLabel: { show: false },
      axisTick: { show: minors.length > 0, length: 3, customValues: minors, lineStyle: { color: colours.strong } },
    },
  ];
}

/** For names of axes: `{i|H}{s|ii}` is H with a subscript. */
const mathStyles = {
  i: { fontFamily: "'STIX Two Text', serif", fontSize: 15, fontStyle: 'italic' },
  s: { fontFamily: "'STIX Two Text', serif", fontSize: 11, fontStyle: 'italic', verticalAlign: 'bottom' },
};

export const font = "'Inter Variable', system-ui, sans-serif";

/** ECharts hands back values with a rounding error of their own. */
function labelOf(labels: ReadonlyMap<number, string>, value: number): string {
  const exact = labels.get(value);
  if (exact !== undefined) return exact;
  for (const [known, text] of labels) if (Math.abs(known - value) < 1e-9 * Math.max(1, Math.abs(known))) return text;
  return '';
}

function textOf(label: Tick['label']): string {
  if (label === undefined) return '';
  if ('text' in label) return label.text;
  return label.mantissa === '' ? powerText(label.exponent) : `${label.mantissa} × ${powerText(label.exponent)}`;
}

/** [low, high] of log10 of the positive values, with a margin; null where there are none. */
export function logRange(margin: number, ...lists: ArrayLike<number>[]): AxisRange | null {
  let low = Infinity;
  let high = -Infinity;
  for (const list of lists) {
    for (let i = 0; i < list.length; i++) {
      const value = list[i];
      if (!(value > 0)) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  if (!(high > 0)) return null;
  const [from, to] = [Math.log10(low), Math.log10(high)];
  const space = Math.max(0.15, margin * (to - from));
  return { low: from - space, high: to + space };
}
