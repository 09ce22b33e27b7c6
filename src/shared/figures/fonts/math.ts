/**
 * The MATH table of a font: the lengths that TeX takes from its font parameters, italic corrections, where accents attach, and the sizes and
 * pieces of stretched delimiters. Reference: OpenType specification, "MATH - the mathematical typesetting table".
 */
import { FontReader } from './reader.ts';
import { coverage } from './kerning.ts';

/** Constants in font units (percentages are 0..100), by their names in the specification with a small first letter. */
export type MathConstant =
  (typeof constantNames)[number] | (typeof leadingNames)[number] | 'radicalDegreeBottomRaisePercent';

const leadingNames = [
  'scriptPercentScaleDown',
  'scriptScriptPercentScaleDown',
  'delimitedSubFormulaMinHeight',
  'displayOperatorMinHeight',
] as const;

const constantNames = [
  'mathLeading',
  'axisHeight',
  'accentBaseHeight',
  'flattenedAccentBaseHeight',
  'subscriptShiftDown',
  'subscriptTopMax',
  'subscriptBaselineDropMin',
  'superscriptShiftUp',
  'superscriptShiftUpCramped',
  'superscriptBottomMin',
  'superscriptBaselineDropMax',
  'subSuperscriptGapMin',
  'superscriptBottomMaxWithSubscript',
  'spaceAfterScript',
  'upperLimitGapMin',
  'upperLimitBaselineRiseMin',
  'lowerLimitGapMin',
  'lowerLimitBaselineDropMin',
  'stackTopShiftUp',
  'stackTopDisplayStyleShiftUp',
  'stackBottomShiftDown',
  'stackBottomDisplayStyleShiftDown',
  'stackGapMin',
  'stackDisplayStyleGapMin',
  'stretchStackTopShiftUp',
  'stretchStackBottomShiftDown',
  'stretchStackGapAboveMin',
  'stretchStackGapBelowMin',
  'fractionNumeratorShiftUp',
  'fractionNumeratorDisplayStyleShiftUp',
  'fractionDenominatorShiftDown',
  'fractionDenominatorDisplayStyleShiftDown',
  'fractionNumeratorGapMin',
  'fractionNumDisplayStyleGapMin',
  'fractionRuleThickness',
  'fractionDenominatorGapMin',
  'fractionDenomDisplayStyleGapMin',
  'skewedFractionHorizontalGap',
  'skewedFractionVerticalGap',
  'overbarVerticalGap',
  'overbarRuleThickness',
  'overbarExtraAscender',
  'underbarVerticalGap',
  'underbarRuleThickness',
  'underbarExtraDescender',
  'radicalVerticalGap',
  'radicalDisplayStyleVerticalGap',
  'radicalRuleThickness',
  'radicalExtraAscender',
  'radicalKernBeforeDegree',
  'radicalKernAfterDegree',
] as const;

export interface AssemblyPart {
  readonly glyph: number;
  readonly startConnector: number;
  readonly endConnector: number;
  readonly fullAdvance: number;
  readonly isExtender: boolean;
}

export interface MathTable {
  readonly constants: Readonly<Record<MathConstant, number>>;
  italicCorrection(glyph: number): number;
  /** Where the middle of an accent goes over the glyph, from its origin; undefined: over the middle of the advance. */
  accentAttachment(glyph: number): number | undefined;
  /** Taller forms of a delimiter, from small to large: [glyph, height + depth]. */
  taller(glyph: number): readonly (readonly [glyph: number, extent: number])[];
  /** Wider forms of an accent or brace. */
  wider(glyph: number): readonly (readonly [glyph: number, extent: number])[];
  /** Pieces from bottom to top that build a delimiter of any height. */
  assembly(glyph: number): readonly AssemblyPart[];
  readonly minConnectorOverlap: number;
}

export function readMath(math: FontReader): MathTable {
  const all = new Uint8Array(math.view.buffer, math.view.byteOffset, math.view.byteLength);
  const at = (offset: number): FontReader => new FontReader(all, math.base + offset);
  const values = at(math.u16(4));
  const constants: Partial<Record<MathConstant, number>> = {};
  leadingNames.forEach((name, k) => (constants[name] = k < 2 ? values.i16(2 * k) : values.u16(2 * k)));
  constantNames.forEach((name, k) => (constants[name] = values.i16(8 + 4 * k)));
  constants.radicalDegreeBottomRaisePercent = values.i16(8 + 4 * constantNames.length);

  const glyphInfo = math.u16(6);
  const info = at(glyphInfo);
  const valueList = (offset: number): ((glyph: number) => number | undefined) => {
    if (offset === 0) return () => undefined;
    const list = at(glyphInfo + offset);
    const index = coverage(list, list.u16(0));
    return (glyph) => {
      const k = index(glyph);
      return k < 0 ? undefined : list.i16(4 + 4 * k);
    };
  };
  const italics = valueList(info.u16(0));
  const accents = valueList(info.u16(2));

  const variantsOffset = math.u16(8);
  const variants = at(variantsOffset);
  const vertical = variants.u16(6);
  const construction = (coverageAt: number, first: number): ((glyph: number) => FontReader | undefined) => {
    if (variants.u16(coverageAt) === 0) return () => undefined;
    const index = coverage(variants, variants.u16(coverageAt));
    return (glyph) => {
      const k = index(glyph);
      return k < 0 ? undefined : at(variantsOffset + variants.u16(10 + 2 * (first + k)));
    };
  };
  const tall = construction(2, 0);
  const wide = construction(4, vertical);
  const sizes = (table: FontReader | undefined): [number, number][] => {
    const out: [number, number][] = [];
    if (table) for (let k = 0, n = table.u16(2); k < n; k++) out.push([table.u16(4 + 4 * k), table.u16(6 + 4 * k)]);
    return out;
  };
  return {
    constants: constants as Record<MathConstant, number>,
    italicCorrection: (glyph) => italics(glyph) ?? 0,
    accentAttachment: accents,
    taller: (glyph) => sizes(tall(glyph)),
    wider: (glyph) => sizes(wide(glyph)),
    assembly(glyph) {
      const table = tall(glyph);
      if (!table || table.u16(0) === 0) return [];
      const offset = table.u16(0);
      const parts: AssemblyPart[] = [];
      for (let k = 0, n = table.u16(offset + 4); k < n; k++) {
        const p = offset + 6 + 10 * k;
        parts.push({
          glyph: table.u16(p),
          startConnector: table.u16(p + 2),
          endConnector: table.u16(p + 4),
          fullAdvance: table.u16(p + 6),
          isExtender: (table.u16(p + 8) & 1) !== 0,
        });
      }
      return parts;
    },
    minConnectorOverlap: variants.u16(0),
  };
}
