/**
 * The specification of a figure: plain JSON, everything that is drawn, and nothing about where it came from except its provenance. Made by the
 * figure functions (figures/), combined by `composePanels`, laid out by `layoutFigure`, drawn by `renderSvg` and, on the main side, as PDF.
 * Labels are text with TeX mathematics between dollar signs.
 */
import type { Colour, Dash, MarkerShape } from './appearance.ts';
import type { FontFamily } from './fonts/library.ts';
import type { PaletteName } from './palettes.ts';

interface Series {
  /** Colour; the slot also gives marker and dash where those are not set. */
  readonly colour: Colour;
  /** Entry in the legend; none where absent. */
  readonly label?: string;
  /** Name of its columns in the CSV file: short, lower case. */
  readonly name: string;
  /** Entry in a legend that several panels share, where `label` carries a number of its own panel; that number then stands in the panel. */
  readonly shared?: string;
  /** Place in the legend: lower numbers first, equal ones in the order of the marks; 0 by default. */
  readonly order?: number;
}

export interface Points extends Series {
  readonly kind: 'points';
  readonly x: readonly number[];
  readonly y: readonly number[];
  /** Ends of error bars, the same length as x and y. */
  readonly xLow?: readonly number[];
  readonly xHigh?: readonly number[];
  readonly yLow?: readonly number[];
  readonly yHigh?: readonly number[];
  /** Distance in points of the page by which upright error bars are to the right of their points, where bars of several series would cover each other; 0 by default. */
  readonly barShift?: number;
  readonly marker?: MarkerShape;
  /** Diameter in points; by default from the style and the number of points. */
  readonly size?: number;
  /** 0 to 1; by default 1, less for many points. */
  readonly opacity?: number;
  /** Joined by a line in this dash. */
  readonly join?: Dash;
  /** What one point is, in the plural ("directions"), for the statement of points left out. */
  readonly what?: string;
}

export interface Line extends Series {
  readonly kind: 'line';
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly dash?: Dash;
  /** Width as a multiple of the style's line width; 1 by default. */
  readonly width?: number;
  /** Drawn as steps: y[k] holds from x[k] to x[k + 1]. */
  readonly steps?: boolean;
  readonly opacity?: number;
  /** What one value is, in the plural, for the statement of values left out. */
  readonly what?: string;
}

export interface Band extends Series {
  readonly kind: 'band';
  readonly x: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
  /** 0 to 1; 0.2 by default. */
  readonly opacity?: number;
}

/** A straight line across the panel at one value of x or y. */
export interface Rule extends Series {
  readonly kind: 'rule';
  readonly axis: 'x' | 'y';
  readonly value: number;
  readonly dash?: Dash;
  /** As a multiple of the width of the axes; 1 by default. */
  readonly width?: number;
}

/** A shaded interval of x or y across the panel. */
export interface Region extends Series {
  readonly kind: 'region';
  readonly axis: 'x' | 'y';
  readonly from: number;
  readonly to: number;
  readonly opacity?: number;
}

/** A power law y = y0 (x / x0)^slope across the panel: a straight line on log-log axes, on others a curve. */
export interface Slope extends Series {
  readonly kind: 'slope';
  readonly slope: number;
  readonly through: readonly [x0: number, y0: number];
  /** Drawn between these x only; across the panel by default. */
  readonly between?: readonly [number, number];
  readonly dash?: Dash;
  /** As a multiple of the style's line width; 1 by default. */
  readonly width?: number;
}

/** Bars from a baseline (0 on linear axes): counts of a histogram. `edges` has one more entry than `heights`. */
export interface Histogram extends Series {
  readonly kind: 'histogram';
  readonly edges: readonly number[];
  readonly heights: readonly number[];
  readonly opacity?: number;
}

export interface ColourScale {
  readonly map: 'sequential' | 'diverging';
  /** 'symlog': signed logarithm, linear within `linear` of zero. */
  readonly scale: 'linear' | 'log' | 'symlog';
  readonly low: number;
  readonly high: number;
  /** symlog: the size below which the scale is linear. */
  readonly linear?: number;
  readonly label?: string;
}

/** Cells of equal size, row 0 on top, row-major; drawn at no fewer than 600 cells an inch by repetition, so that no viewer blurs them. */
export interface Heatmap {
  readonly kind: 'heatmap';
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  readonly values: readonly number[];
  /** Extent in data coordinates. */
  readonly x: readonly [number, number];
  readonly y: readonly [number, number];
  readonly colours: ColourScale;
}

export type Mark = Points | Line | Band | Rule | Region | Slope | Histogram | Heatmap;

export interface Axis {
  readonly scale: 'linear' | 'log' | 'category';
  readonly label: string;
  /** Ends; those left out come from the data. A log axis takes positive ends only. */
  readonly min?: number;
  readonly max?: number;
  /** Names at 0, 1, 2, ... of a category axis. */
  readonly categories?: readonly string[];
  /** Values fall along the axis (matrix rows). */
  readonly reversed?: boolean;
  /** Ticks at whole numbers only. */
  readonly integers?: boolean;
  /** Keep zero within a linear axis; false by default. */
  readonly zero?: boolean;
  /** Numbers stand at these values where they have room beside each other: the values of a swept setting. */
  readonly at?: readonly number[];
}

/** A note in the panel. */
export interface Annotation {
  readonly text: string;
  /** Data coordinates, or shares of the frame from its lower left corner. */
  readonly x: number;
  readonly y: number;
  readonly in: 'data' | 'frame';
  readonly anchor?: 'start' | 'middle' | 'end';
  /** Draws a thin line from the text to this point in data coordinates. */
  readonly to?: readonly [number, number];
}

export const legendPlaces = [
  'auto',
  'top-left',
  'top-right',
  'bottom-left',
  'bottom-right',
  'below',
  'above',
  'right',
  'none',
] as const;
/** 'auto': in the corner that covers the fewest points; below the figure where every corner covers some. */
export type LegendPlace = (typeof legendPlaces)[number];

export interface Panel {
  readonly row: number;
  readonly column: number;
  readonly title?: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly marks: readonly Mark[];
  readonly annotations?: readonly Annotation[];
  /** The frame is made square (matrices). */
  readonly square?: boolean;
  /** In a figure of one column, panels with the same number share their x axis: its numbers and label stand under the lowest. */
  readonly stack?: number;
}

export interface FigureStyle {
  /** Name of the preset that the sizes come from, for the record. */
  readonly preset: string;
  readonly font: FontFamily;
  readonly palette: PaletteName;
  /** Type sizes in points. */
  readonly labelSize: number;
  readonly tickSize: number;
  readonly legendSize: number;
  readonly noteSize: number;
  readonly panelLabelSize: number;
  /** "(a)" regular, or "a" bold as Nature asks. */
  readonly panelLabels: 'parentheses' | 'bold';
  /** Line widths in points: axes and ticks; data. */
  readonly axisWidth: number;
  readonly lineWidth: number;
  /** Diameter of a marker of a small series, in points. */
  readonly markerSize: number;
}

/** How many points are drawn one by one. */
export interface PointRule {
  /**
   * 'auto': as vectors up to `limit` points a panel, above that rasterised; 'vector'; 'raster': at `dpi` under vector axes; 'thin': at most `limit` points
   * of a series, the first in each cell of the finest grid over the frame that leaves at most `limit`; stated in the notes.
   */
  readonly mode: 'auto' | 'vector' | 'raster' | 'thin';
  /** 4,000 by default. */
  readonly limit: number;
  /** 600 by default. */
  readonly dpi: number;
}

/** Where the numbers come from; written into the metadata of every export. */
export interface FigureProvenance {
  /** "Covature 0.1.0 (1a2b3c4d5e)": version, and the commit where it is known. */
  readonly software: string;
  readonly runs: readonly { readonly id: string; readonly name: string }[];
  /** Hashes of the data sets, by run or name. */
  readonly data: Readonly<Record<string, string>>;
  /** Settings of fits: estimand, estimator, cutoff... */
  readonly fit: Readonly<Record<string, string | number>>;
  /** ISO 8601; left out where exports shall be reproducible byte for byte. */
  readonly created?: string;
}

export interface FigureSpec {
  readonly format: 'covature-figure';
  readonly version: 1;
  /** Name of the figure function, or "panels". */
  readonly kind: string;
  /** Plain text for metadata and screen readers; not drawn. */
  readonly title: string;
  readonly description: string;
  readonly width_mm: number;
  /** 'auto': as high as frames of `frameAspect` make it, rounded up to 0.1 mm. */
  readonly height_mm: number | 'auto';
  /** Height by width of a panel's frame, where the height is 'auto'. Square panels take 1. */
  readonly frameAspect: number;
  readonly style: FigureStyle;
  readonly rows: number;
  readonly columns: number;
  readonly panels: readonly Panel[];
  /** Panels of a column share their x axis, panels of a row their y axis: same limits, numbers and label once. */
  readonly shareX: boolean;
  readonly shareY: boolean;
  /** Letters (a), (b), ... on the panels; by default where there is more than one. */
  readonly letters: boolean;
  readonly legend: LegendPlace;
  /** Small print under the figure; statements of points left out are added by the layout. */
  readonly notes: readonly string[];
  readonly points: PointRule;
  readonly provenance: FigureProvenance;
}
