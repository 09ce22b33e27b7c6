/**
 * A Python script that redraws a figure with matplotlib (3.6 or later, nothing else) from its CSV file: same size, frames, limits, ticks and colours,
 * so that an author can go on from there.
 */
import type { Colour, Dash, MarkerShape } from './appearance.ts';
import type { FontLibrary } from './fonts/library.ts';
import type { AxisGeometry, Scene } from './layout/scene.ts';
import { lengths } from './layout/axes.ts';
import { notesText } from './layout/notes.ts';
import { dashLengths, markerPaint, markerShape, pointLook } from './layout/points.ts';
import { colourOf, dashOf, mapAnchors, markerOf } from './palettes.ts';
import { splitLabel, labelText } from './text/label.ts';
import type { Axis, FigureSpec, Mark } from './types.ts';

export interface ScriptOptions {
  /** Name of the CSV file, beside the script. */
  readonly csv: string;
  /** Name of the file that the script writes: the ending chooses the format. */
  readonly output: string;
}

const markers: Readonly<Record<MarkerShape, string>> = {
  circle: 'o',
  'circle-open': 'o',
  square: 's',
  'square-open': 's',
  triangle: '^',
  diamond: 'D',
  plus: '+',
  cross: 'x',
};

/** A Python string literal. Narrow no-break spaces, which few fonts have, become wide ones. */
function py(text: string): string {
  return `'${text
    .replace(/\u202f/g, '\u00a0')
    .replace(/\\/g, '\\\\')
    .replace(/'/g, "\\'")
    .replace(/\n/g, '\\n')}'`;
}

const fontNames = {
  stix: {
    family: ['STIX Two Text', 'STIXGeneral', 'Times New Roman', 'DejaVu Serif'],
    generic: 'serif',
    maths: 'stix',
  },
  sans: {
    family: ['Liberation Sans', 'Arial', 'Helvetica', 'DejaVu Sans'],
    generic: 'sans-serif',
    maths: 'dejavusans',
  },
  dejavu: { family: ['DejaVu Sans'], generic: 'sans-serif', maths: 'dejavusans' },
} as const;

/** TeX of our labels in matplotlib's own subset. */
function mathtext(label: string): string {
  return splitLabel(label)
    .map(({ kind, source }) => {
      if (kind === 'text') return source.replace(/\$/g, '\\$');
      const plain = source
        .replace(/\\(?:text|textrm|mbox)\{([^{}]*)\}/g, (_, words: string) => `\\mathrm{${words.replace(/ /g, '\\ ')}}`)
        .replace(/\\[dt]frac/g, '\\frac')
        .replace(/\\(?:boldsymbol|bm)\b/g, '\\mathbf')
        .replace(/\\mathscr\b/g, '\\mathcal')
        .replace(/\\(?:[lr]Vert\b|\|)/g, '\\Vert ')
        .replace(/\\[lr]vert\b/g, '|')
        .replace(/\\operatorname\{([^{}]*)\}/g, '\\mathrm{$1}\\,');
      return `$${plain}$`;
    })
    .join('');
}

/** From the imports to the style. */
const imports = `import csv
import os
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.colors import AsinhNorm, LinearSegmentedColormap, LogNorm, Normalize
from matplotlib.mathtext import MathTextParser
from matplotlib.ticker import FixedLocator, FixedFormatter, NullFormatter

here = os.path.dirname(os.path.abspath(__file__))
plt.rcParams.update({`;

/** Reads the table, and what the panels are drawn with. */
const helpers = String.raw`    for row in csv.DictReader(file):
        series = columns.setdefault((int(row['panel']), int(row['series'].split(':')[0])), [])
        series.append(row)


def column(panel, mark, name):
    """One column of a mark as numbers; empty cells are NaN."""
    return [float(row[name]) if row[name] != '' else float('nan') for row in columns.get((panel, mark), [])]


def label(tex, plain):
    """TeX where matplotlib can set it, else the same in plain text."""
    try:
        MathTextParser('path').parse(tex)
        return tex
    except ValueError:
        return plain.replace('$', r'\$')


def bars(ax, panel, mark, colour, width):
    """Error bars from their ends."""
    x, y = column(panel, mark, 'x'), column(panel, mark, 'y')
    for name, along in (('y', y), ('x', x)):
        low, high = column(panel, mark, name + '_low'), column(panel, mark, name + '_high')
        if all(value != value for value in low):
            continue
        error = [[v - a for v, a in zip(along, low)], [b - v for v, b in zip(along, high)]]
        ax.errorbar(x, y, fmt='none', ecolor=colour, elinewidth=width, **{name + 'err': error})

`;

export function matplotlibScript(spec: FigureSpec, scene: Scene, fonts: FontLibrary, options: ScriptOptions): string {
  const { style } = spec;
  const font = fontNames[style.font];
  const tick = lengths(style);
  const label = (text: string): string => `label(${py(mathtext(text))}, ${py(labelText(text, fonts, style.font))})`;
  const dash = (colour: Colour, chosen: Dash | undefined, width: number): string => {
    const lengths = dashLengths(chosen ?? dashOf(colour), width);
    // matplotlib scales dashes by the width of the line.
    return lengths
      ? `linestyle=(0, (${lengths.map((length) => (length / width).toFixed(2)).join(', ')}))`
      : `linestyle='-'`;
  };
  const named = (mark: Mark): string =>
    mark.kind !== 'heatmap' && mark.label !== undefined ? `, label=${label(mark.label)}` : '';
  const colour = (value: Colour): string => py(colourOf(value, style.palette));
  const out: string[] = [];
  const line = (text = ''): void => void out.push(text);

  line('#!/usr/bin/env python3');
  line(`"""${spec.title.replace(/\\/g, '\\\\').replace(/"/g, "'")}`);
  line();
  line(`Redraws the figure from ${options.csv}. Needs matplotlib 3.6 or later.`);
  line(`Provenance: ${JSON.stringify(spec.provenance).replace(/\\/g, '\\\\').replace(/"""/g, "'''")}`);
  line('"""');
  line(imports);
  line(
    `    'font.family': ${py(font.generic)}, 'font.${font.generic}': [${font.family.map(py).join(', ')}], 'mathtext.fontset': ${py(font.maths)},`,
  );
  line(
    `    'axes.labelsize': ${style.labelSize}, 'axes.titlesize': ${style.labelSize}, 'xtick.labelsize': ${style.tickSize}, 'ytick.labelsize': ${style.tickSize}, 'legend.fontsize': ${style.legendSize},`,
  );
  line(
    `    'axes.linewidth': ${style.axisWidth}, 'xtick.major.width': ${style.axisWidth}, 'ytick.major.width': ${style.axisWidth}, 'xtick.minor.width': ${(style.axisWidth * 0.8).toFixed(2)}, 'ytick.minor.width': ${(style.axisWidth * 0.8).toFixed(2)},`,
  );
  line(
    `    'xtick.major.size': ${tick.major.toFixed(2)}, 'ytick.major.size': ${tick.major.toFixed(2)}, 'xtick.minor.size': ${tick.minor.toFixed(2)}, 'ytick.minor.size': ${tick.minor.toFixed(2)},`,
  );
  line(
    `    'xtick.major.pad': ${tick.gap.toFixed(2)}, 'ytick.major.pad': ${tick.gap.toFixed(2)}, 'axes.labelpad': ${(tick.labelGap * 0.7).toFixed(2)}, 'legend.labelspacing': 0.25, 'legend.handlelength': 2.3,`,
  );
  line(
    `    'axes.spines.top': False, 'axes.spines.right': False, 'pdf.fonttype': 42, 'ps.fonttype': 42, 'axes.unicode_minus': True,`,
  );
  line('})');
  line();
  line('columns = {}');
  line(`with open(os.path.join(here, ${py(options.csv)}), newline='', encoding='utf-8') as file:`);
  line(helpers);
  line(`fig = plt.figure(figsize=(${(scene.width_mm / 25.4).toFixed(5)}, ${(scene.height_mm / 25.4).toFixed(5)}))`);
  for (const map of ['sequential', 'diverging'] as const)
    if (spec.panels.some((panel) => panel.marks.some((mark) => mark.kind === 'heatmap' && mark.colours.map === map)))
      line(`${map} = LinearSegmentedColormap.from_list('${map}', [${mapAnchors[map].map(py).join(', ')}])`);

  spec.panels.forEach((panel, k) => {
    const { frame, x, y } = scene.panels[k];
    const share = (value: number, whole: number): string => (value / whole).toFixed(5);
    const p = k + 1;
    line();
    line(`# Panel ${p}`);
    line(
      `ax = fig.add_axes([${share(frame.x, scene.width)}, ${share(scene.height - frame.y - frame.height, scene.height)}, ${share(frame.width, scene.width)}, ${share(frame.height, scene.height)}])`,
    );
    if (x.scale === 'log') line("ax.set_xscale('log')");
    if (y.scale === 'log') line("ax.set_yscale('log')");
    panel.marks.forEach((mark, index) => drawMark(mark, p, index + 1));
    axisLines('x', panel.x, x);
    axisLines('y', panel.y, y);
    if (panel.title) line(`ax.set_title(${label(panel.title)}, pad=3)`);
    for (const note of panel.annotations ?? []) {
      const anchor = { start: 'left', middle: 'center', end: 'right' }[note.anchor ?? 'start'];
      line(
        `ax.text(${note.x}, ${note.y}, ${label(note.text)}, ha='${anchor}', fontsize=${style.legendSize}${note.in === 'frame' ? ', transform=ax.transAxes' : ''})`,
      );
      if (note.to)
        line(
          `ax.annotate('', xy=(${note.to.join(', ')}), xytext=(${note.x}, ${note.y})${note.in === 'frame' ? ", textcoords='axes fraction'" : ''}, arrowprops={'arrowstyle': '-', 'lw': ${style.axisWidth}})`,
        );
    }
    if (
      scene.legend.place === 'frames' &&
      panel.marks.some((mark) => mark.kind !== 'heatmap' && mark.label !== undefined)
    )
      line("ax.legend(frameon=False, loc='best')");
  });
  if (scene.legend.place !== 'frames' && scene.legend.place !== 'none') {
    const { place, x, y } = scene.legend;
    line();
    line('entries = {}');
    line('for ax in fig.axes:');
    line('    for handle, name in zip(*ax.get_legend_handles_labels()):');
    line('        entries.setdefault(name, handle)');
    line(
      `fig.legend(entries.values(), entries.keys(), frameon=False, loc='upper left', borderaxespad=0, bbox_to_anchor=(${(x / scene.width).toFixed(4)}, ${(1 - y / scene.height).toFixed(4)}), ncol=${place === 'right' ? 1 : 'min(3, len(entries))'})`,
    );
  }
  line();
  if (scene.notes.length > 0)
    line(
      `fig.text(0.01, 0.005, ${label(notesText(scene.notes))}, fontsize=${style.noteSize}, color='#6B6B6B', va='bottom')`,
    );
  line(`target = sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, ${py(options.output)})`);
  line('fig.savefig(target)');
  return `${out.join('\n')}\n`;

  function drawMark(mark: Mark, p: number, m: number): void {
    const xy = `column(${p}, ${m}, 'x'), column(${p}, ${m}, 'y')`;
    switch (mark.kind) {
      case 'points': {
        const { size, opacity } = pointLook(mark, style);
        const shape = mark.marker ?? markerOf(mark.colour);
        const { open } = markerShape(shape, size);
        const edge = markerPaint(style, mark.colour, open, size, opacity).stroke?.width ?? 0;
        const face = open
          ? `mfc='none', mec=${colour(mark.colour)}, mew=${edge.toFixed(2)}`
          : `mfc=${colour(mark.colour)}, mew=0`;
        line(`bars(ax, ${p}, ${m}, ${colour(mark.colour)}, ${(style.lineWidth * 0.75).toFixed(2)})`);
        const join = mark.join
          ? `${dash(mark.colour, mark.join, style.lineWidth * 0.8)}, linewidth=${(style.lineWidth * 0.8).toFixed(2)}, color=${colour(mark.colour)}`
          : "linestyle='none'";
        line(
          `ax.plot(${xy}, marker='${markers[shape]}', ms=${size.toFixed(2)}, ${face}, alpha=${opacity}, ${join}${named(mark)})`,
        );
        return;
      }
      case 'line':
      case 'slope': {
        const width = (mark.width ?? 1) * style.lineWidth;
        line(
          `ax.plot(${xy}, color=${colour(mark.colour)}, linewidth=${width}, ${dash(mark.colour, mark.dash, width)}${named(mark)})`,
        );
        return;
      }
      case 'band':
        line(
          `ax.fill_between(column(${p}, ${m}, 'x'), column(${p}, ${m}, 'y_low'), column(${p}, ${m}, 'y_high'), color=${colour(mark.colour)}, alpha=${mark.opacity ?? 0.2}, linewidth=0${named(mark)})`,
        );
        return;
      case 'rule': {
        const width = (mark.width ?? 1) * style.axisWidth;
        line(
          `ax.ax${mark.axis === 'x' ? 'v' : 'h'}line(column(${p}, ${m}, '${mark.axis}')[0], color=${colour(mark.colour)}, linewidth=${width}, ${dash(mark.colour, mark.dash ?? 'solid', width)}${named(mark)})`,
        );
        return;
      }
      case 'region':
        line(
          `ax.ax${mark.axis === 'x' ? 'v' : 'h'}span(column(${p}, ${m}, '${mark.axis}_low')[0], column(${p}, ${m}, '${mark.axis}_high')[0], color=${colour(mark.colour)}, alpha=${mark.opacity ?? 0.12}, linewidth=0${named(mark)})`,
        );
        return;
      case 'heatmap': {
        const { colours } = mark;
        const norm =
          colours.scale === 'log'
            ? `LogNorm(${colours.low}, ${colours.high}, clip=True)`
            : colours.scale === 'symlog'
              ? `AsinhNorm(linear_width=${2 * (colours.linear ?? Math.max(Math.abs(colours.low), Math.abs(colours.high)) * 1e-3)}, vmin=${colours.low}, vmax=${colours.high})`
              : `Normalize(${colours.low}, ${colours.high})`;
        line(`cells = column(${p}, ${m}, 'value')`);
        line(
          `image = ax.imshow([cells[r * ${mark.columns}:(r + 1) * ${mark.columns}] for r in range(${mark.rows})], extent=(${mark.x[0]}, ${mark.x[1]}, ${mark.y[1]}, ${mark.y[0]}), cmap=${colours.map}, norm=${norm}, aspect='auto', interpolation='nearest')`,
        );
        const { frame } = scene.panels[p - 1];
        const bar = [
          (frame.x + frame.width + 0.9 * style.tickSize) / scene.width,
          (scene.height - frame.y - frame.height) / scene.height,
          (0.9 * style.tickSize) / scene.width,
          frame.height / scene.height,
        ];
        line(
          `fig.colorbar(image, cax=fig.add_axes([${bar.map((value) => value.toFixed(5)).join(', ')}])${colours.label ? `, label=${label(colours.label)}` : ''})`,
        );
        return;
      }
      default:
        mark satisfies never;
        throw new Error('unknown mark');
    }
  }

  function axisLines(which: 'x' | 'y', axis: Axis, geometry: AxisGeometry): void {
    const ends = axis.reversed ? [geometry.max, geometry.min] : [geometry.min, geometry.max];
    line(`ax.set_${which}lim(${ends.join(', ')})`);
    const labelled = geometry.ticks.filter((tick) => tick.label);
    const tickText = labelled.map(({ label: at }) => {
      if (!at) return py('');
      if ('text' in at) return py(at.text.replace(/\$/g, '\\$'));
      return py(`$${at.mantissa === '' ? '' : `${at.mantissa} \\times `}10^{${at.exponent}}$`);
    });
    line(`ax.${which}axis.set_major_locator(FixedLocator([${labelled.map((tick) => tick.value).join(', ')}]))`);
    line(
      geometry.numbers
        ? `ax.${which}axis.set_major_formatter(FixedFormatter([${tickText.join(', ')}]))`
        : `ax.${which}axis.set_major_formatter(NullFormatter())`,
    );
    line(`ax.${which}axis.set_minor_locator(FixedLocator([${geometry.ticks.filter((tick) => !tick.label).map((tick) => tick.value).join(', ')}]))`); // prettier-ignore
    line(`ax.${which}axis.set_minor_formatter(NullFormatter())`);
    if (geometry.numbers && axis.label !== '') line(`ax.set_${which}label(${label(axis.label)})`);
  }
}
