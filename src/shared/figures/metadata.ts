/**
 * What is stored inside exported files so that a figure can be reopened: the specification (with its data) and the recipe, as deflated JSON. Files of
 * other programs, and figures whose data were stripped, are reported as such.
 */
import { base64, fromBase64 } from '../base64.ts';
import { definedOf } from '../defined.ts';
import { strFromU8, strToU8, unzlibSync, zlibSync } from 'fflate';
import { InputError } from '../errors.ts';
import { parseRecipe, type FigureRecipe } from './recipe.ts';
import { escapeXml } from './svg.ts';
import { parseSpec, type FigureProvenance, type FigureSpec } from './types.ts';

/** A figure and what it was made from. */
export interface FigureDocument {
  /** Left out of files that its data would make too large, if the recipe can draw the figure again from the store. */
  readonly spec?: FigureSpec;
  readonly recipe?: FigureRecipe | undefined;
}

/** The most bytes of packed data in an exported file if a recipe can replace them. */
export const heaviestDocument = 400_000;
/** Significant digits kept when the exact numbers would take too much space. */
const roundedDigits = 5;

/**
 * The document for a file: exact where it is at most `heaviestDocument`; else with numbers of five significant digits, which the provenance then says;
 * where that is too heavy too and a recipe stands for the data, without them.
 */
export function packForFile(document: FigureDocument): Uint8Array {
  const whole = packDocument(document);
  const { spec, recipe } = document;
  if (whole.length <= heaviestDocument || spec === undefined || recipe === undefined) return whole;
  const rounded = packDocument({ spec: roundedSpec(spec), recipe });
  return rounded.length <= heaviestDocument ? rounded : packDocument({ recipe });
}

function roundedSpec(spec: FigureSpec): FigureSpec {
  const fit = { ...spec.provenance.fit, numbers: `rounded to ${roundedDigits} digits in this file` };
  const round = (value: unknown): unknown =>
    Array.isArray(value) && typeof value[0] === 'number'
      ? (value as number[]).map((each) => Number(each.toPrecision(roundedDigits)))
      : value;
  const panels = spec.panels.map((panel) => ({
    ...panel,
    marks: panel.marks.map((mark) =>
      Object.fromEntries(Object.entries(mark).map(([name, value]) => [name, round(value)])),
    ),
  }));
  return { ...spec, panels, provenance: { ...spec.provenance, fit } } as unknown as FigureSpec;
}

/** Keyword of the PNG text, element of the SVG metadata. */
export const documentKey = 'covature-figure';

/** Deflated JSON. NaN becomes null. */
export function packDocument(document: FigureDocument): Uint8Array {
  return zlibSync(strToU8(JSON.stringify({ format: 'covature-figure-document', version: 1, ...document })), {
    level: 9,
  });
}

/** Raises `InputError` if the bytes are damaged or of a later version. */
export function unpackDocument(bytes: Uint8Array): FigureDocument {
  let parsed: unknown;
  try {
    parsed = JSON.parse(strFromU8(unzlibSync(bytes)));
  } catch (error) {
    throw new InputError('the figure in this file is damaged: its data cannot be unpacked', { cause: error });
  }
  const { format, version, spec, recipe } = parsed as Record<string, unknown>;
  if (format !== 'covature-figure-document')
    throw new InputError('the file holds the data of another program, not a figure');
  if (version !== 1)
    throw new InputError(`the figure in this file has version ${String(version)}; this program reads version 1`);
  return definedOf({
    spec: spec === undefined ? undefined : parseSpec(spec, 'the figure in this file'),
    recipe: recipe === undefined ? undefined : parseRecipe(recipe, 'the recipe in this file'),
  });
}

/** Contents of an SVG file's <metadata>: the provenance to read, and the packed document to reopen. */
export function svgMetadata(provenance: FigureProvenance, packed?: Uint8Array): string {
  const space = 'xmlns:covature="urn:covature:figure"';
  const document = packed
    ? `<covature:figure ${space} encoding="base64 deflate">${base64(packed)}</covature:figure>`
    : '';
  return `<covature:provenance ${space}>${escapeXml(JSON.stringify(provenance))}</covature:provenance>${document}`;
}

/** The document in an SVG file. Raises `InputError` if there is none. */
export function readSvgDocument(svg: string): FigureDocument {
  const match =
    /<(?:\w+:)?figure[^>]*urn:covature:figure[^>]*>([A-Za-z0-9+/=\s]+)</.exec(svg) ??
    /<covature:figure[^>]*>([A-Za-z0-9+/=\s]+)</.exec(svg);
  if (!match)
    throw new InputError(
      'this SVG holds no figure to reopen: it was not exported by this program, or another one has removed the metadata',
    );
  return unpackDocument(fromBase64(match[1]));
}
