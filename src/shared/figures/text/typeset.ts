/**
 * Formulas to placed glyphs, by the rules of TeX (The TeXbook, appendix G) with lengths from the MATH table of the font. y grows downwards from
 * the baseline, lengths are in points.
 */
import type { FontFamily, FontLibrary } from '../fonts/library.ts';
import type { MathConstant } from '../fonts/math.ts';
import { gaps, isScript, smaller, symbolBox, type MathBox } from './atoms.ts';
import type { AtomClass } from './symbols.ts';
import type { MathNode, MathStyle } from './tex.ts';
import { boundsOf } from '../path.ts';
import { joinedBoxes, moved, shapeText, type TextBox } from './box.ts';
import {
  mathConstant,
  delimiter,
  empty,
  glyphBox,
  mathOf,
  fontSizeOf,
  stacked,
  stretched,
  type Context,
} from './pieces.ts';

export function typesetMath(node: MathNode, fonts: FontLibrary, family: FontFamily, size: number): TextBox {
  return layout(node, { fonts, family, base: size }, 'text', false);
}

function layout(node: MathNode, context: Context, style: MathStyle, cramped: boolean): MathBox {
  switch (node.kind) {
    case 'symbol':
      return symbolBox(node, context, style);
    case 'row':
      return row(node.children, context, style, cramped, node.atom);
    case 'scripts':
      return scripts(node, context, style, cramped);
    case 'fraction':
      return fraction(node, context, style, cramped);
    case 'root':
      return root(node, context, style);
    case 'accent':
      return accent(node, context, style);
    case 'bar':
      return bar(node, context, style);
    case 'delimited': {
      const inner = layout(node.body, context, style, cramped);
      const axis = mathConstant(context, style, 'axisHeight');
      // TeX covers 90.1 % of the taller side, or all but 5 pt of it.
      const half = Math.max(inner.ascent - axis, inner.descent + axis);
      const target = Math.max(2 * half * 0.901, 2 * half - 0.5 * context.base);
      const parts: TextBox[] = [];
      if (node.open !== '') parts.push(delimiter(node.open, target, context, style));
      parts.push(inner);
      if (node.close !== '') parts.push(delimiter(node.close, target, context, style));
      return { ...joinedBoxes(parts), atom: 'inner', italic: 0 };
    }
    case 'big':
      return {
        ...delimiter(node.character, node.size * fontSizeOf(context, style), context, style),
        atom: node.atom,
        italic: 0,
      };
    case 'operator': {
      const name = node.name
        .replace(/\\,/g, ' ')
        .replace('argm', 'arg m')
        .replace('limsup', 'lim sup')
        .replace('liminf', 'lim inf');
      return {
        ...shapeText(name, context.fonts, context.family, 'regular', fontSizeOf(context, style)),
        atom: 'op',
        italic: 0,
        limits: node.limits,
      };
    }
    case 'text':
      return {
        ...shapeText(node.text, context.fonts, context.family, node.style, fontSizeOf(context, style)),
        atom: 'ord',
        italic: 0,
      };
    case 'space':
      return { ...empty((node.mu / 18) * fontSizeOf(context, style)), atom: 'ord', italic: 0 };
    case 'style':
      return layout(node.body, context, node.style, cramped);
    case 'matrix':
      return matrix(node, context, style);
    default:
      node satisfies never;
      throw new Error('unknown formula');
  }
}

function row(
  children: readonly MathNode[],
  context: Context,
  style: MathStyle,
  cramped: boolean,
  atom?: AtomClass,
): MathBox {
  const boxes = children.map((child) => ({
    box: layout(child, context, style, cramped),
    space: child.kind === 'space',
  }));
  // A sign with nothing to bind to its left or right is no binary operator (rules 5 and 6).
  const classes = boxes.map(({ box }) => box.atom);
  const solid = boxes.map((_, k) => k).filter((k) => !boxes[k].space);
  solid.forEach((k, n) => {
    const before = n > 0 ? classes[solid[n - 1]] : undefined;
    if (classes[k] === 'bin' && (before === undefined || ['bin', 'op', 'rel', 'open', 'punct'].includes(before)))
      classes[k] = 'ord';
    if (before === 'bin' && ['rel', 'close', 'punct'].includes(classes[k])) classes[solid[n - 1]] = 'ord';
  });
  if (solid.length > 0 && classes[solid[solid.length - 1]] === 'bin') classes[solid[solid.length - 1]] = 'ord';
  const mu = fontSizeOf(context, style) / 18;
  const parts: TextBox[] = [];
  let previous: AtomClass | undefined;
  let text = '';
  boxes.forEach(({ box, space }, k) => {
    if (space) {
      parts.push(box);
      text += ' ';
      return;
    }
    if (previous !== undefined) {
      const gap = gaps[previous][classes[k]];
      const width = gap < 0 ? (isScript(style) ? 0 : -gap) : gap;
      if (width > 0) parts.push(empty([0, 3, 4, 5][width] * mu));
      if (width > 1) text += ' ';
    }
    // A slanted letter before an upright one keeps its lean as space (as \/ would), except at the end, where scripts use it.
    parts.push(box);
    if (box.italic > 0 && k < boxes.length - 1 && boxes[k + 1].box.italic === 0 && children[k].kind === 'symbol')
      parts.push(empty(box.italic));
    text += box.text;
    previous = classes[k];
  });
  const last = boxes[boxes.length - 1]?.box;
  const whole = joinedBoxes(parts, text);
  return {
    ...whole,
    atom: atom ?? (boxes.length === 1 ? last.atom : 'ord'),
    italic: last?.italic ?? 0,
    attach: boxes.length === 1 ? last.attach : undefined,
    single: boxes.length === 1 && (last.single ?? false),
    limits: boxes.length === 1 && (last.limits ?? false),
  };
}

function scripts(node: MathNode & { kind: 'scripts' }, context: Context, style: MathStyle, cramped: boolean): MathBox {
  const base = layout(node.base, context, style, cramped);
  const inner = smaller(style);
  const sup = node.sup && layout(node.sup, context, inner, cramped);
  const sub = node.sub && layout(node.sub, context, inner, true);
  const get = (name: MathConstant): number => mathConstant(context, style, name);
  const text = base.text + (sub ? scriptText('_', sub.text) : '') + (sup ? scriptText('^', sup.text) : '');
  if (node.limits ?? (base.limits && style === 'display')) return limits(base, sup, sub, context, style, text);

  let up = 0;
  let down = 0;
  if (sup) {
    up = get(cramped ? 'superscriptShiftUpCramped' : 'superscriptShiftUp');
    if (!base.single) up = Math.max(up, base.ascent - get('superscriptBaselineDropMax'));
    up = Math.max(up, sup.descent + get('superscriptBottomMin'));
  }
  if (sub) {
    down = get('subscriptShiftDown');
    if (!base.single) down = Math.max(down, base.descent + get('subscriptBaselineDropMin'));
    down = Math.max(down, sub.ascent - get('subscriptTopMax'));
  }
  if (sup && sub) {
    const gap = up - sup.descent - (sub.ascent - down);
    const leastGap = get('subSuperscriptGapMin');
    if (gap < leastGap) {
      down += leastGap - gap;
      const lift = get('superscriptBottomMaxWithSubscript') - (up - sup.descent);
      if (lift > 0) {
        up += lift;
        down -= lift;
      }
    }
  }
  const integral = base.text === '∫' || base.text === '∮' || base.text === '∬';
  const supX = base.width + (integral ? 0 : base.italic);
  const subX = base.width - (integral ? base.italic : 0);
  const parts: TextBox[] = [base];
  if (sup) parts.push(moved(sup, supX, -up));
  if (sub) parts.push(moved(sub, subX, down));
  const after = get('spaceAfterScript');
  const width = Math.max(sup ? supX + sup.width : 0, sub ? subX + sub.width : 0) + after;
  return { ...stacked(parts, width, text), atom: base.atom, italic: 0 };
}

/** "_i" for a single character, "_(ii)" for more: what a reader of the plain text sees. */
function scriptText(mark: string, text: string): string {
  return [...text].length === 1 ? mark + text : `${mark}(${text})`;
}

function limits(
  base: MathBox,
  sup: MathBox | undefined,
  sub: MathBox | undefined,
  context: Context,
  style: MathStyle,
  text: string,
): MathBox {
  const get = (name: MathConstant): number => mathConstant(context, style, name);
  const width = Math.max(base.width, sup?.width ?? 0, sub?.width ?? 0);
  const parts: TextBox[] = [moved(base, (width - base.width) / 2, 0)];
  if (sup)
    parts.push(
      moved(
        sup,
        (width - sup.width) / 2 + base.italic / 2,
        -(base.ascent + Math.max(get('upperLimitGapMin') + sup.descent, get('upperLimitBaselineRiseMin'))),
      ),
    );
  if (sub)
    parts.push(
      moved(
        sub,
        (width - sub.width) / 2 - base.italic / 2,
        base.descent + Math.max(get('lowerLimitGapMin') + sub.ascent, get('lowerLimitBaselineDropMin')),
      ),
    );
  return { ...stacked(parts, width, text), atom: 'op', italic: 0 };
}

function fraction(
  node: MathNode & { kind: 'fraction' },
  context: Context,
  outer: MathStyle,
  cramped: boolean,
): MathBox {
  const style = node.style ?? outer;
  const display = style === 'display';
  const inner: MathStyle = display ? 'text' : smaller(style);
  const top = layout(node.top, context, inner, cramped);
  const bottom = layout(node.bottom, context, inner, true);
  const get = (name: MathConstant): number => mathConstant(context, style, name);
  const axis = get('axisHeight');
  const thickness = node.rule ? get('fractionRuleThickness') : 0;
  let up: number;
  let down: number;
  if (node.rule) {
    up = Math.max(
      get(display ? 'fractionNumeratorDisplayStyleShiftUp' : 'fractionNumeratorShiftUp'),
      top.descent + get(display ? 'fractionNumDisplayStyleGapMin' : 'fractionNumeratorGapMin') + axis + thickness / 2,
    );
    down = Math.max(
      get(display ? 'fractionDenominatorDisplayStyleShiftDown' : 'fractionDenominatorShiftDown'),
      bottom.ascent +
        get(display ? 'fractionDenomDisplayStyleGapMin' : 'fractionDenominatorGapMin') -
        axis +
        thickness / 2,
    );
  } else {
    up = get(display ? 'stackTopDisplayStyleShiftUp' : 'stackTopShiftUp');
    down = get(display ? 'stackBottomDisplayStyleShiftDown' : 'stackBottomShiftDown');
    const short =
      get(display ? 'stackDisplayStyleGapMin' : 'stackGapMin') - (up - top.descent - (bottom.ascent - down));
    if (short > 0) {
      up += short / 2;
      down += short / 2;
    }
  }
  const padding = node.rule ? 0.12 * fontSizeOf(context, style) : 0;
  const inside = Math.max(top.width, bottom.width);
  const width = inside + 2 * padding;
  const parts = [moved(top, (width - top.width) / 2, -up), moved(bottom, (width - bottom.width) / 2, down)];
  const box = stacked(parts, width, `(${top.text})/(${bottom.text})`);
  const rules = node.rule
    ? [...box.rules, { x: padding / 2, y: -axis - thickness / 2, width: width - padding, height: thickness }]
    : box.rules;
  return { ...box, rules, atom: 'inner', italic: 0 };
}

function root(node: MathNode & { kind: 'root' }, context: Context, style: MathStyle): MathBox {
  const body = layout(node.body, context, style, true);
  const get = (name: MathConstant): number => mathConstant(context, style, name);
  const rule = get('radicalRuleThickness');
  const gap = get(style === 'display' ? 'radicalDisplayStyleVerticalGap' : 'radicalVerticalGap');
  const height = body.ascent + body.descent + gap + rule;
  const sign = stretched('√', height, context, style);
  const extra = Math.max(0, (sign.ascent + sign.descent - height) / 2);
  const top = body.ascent + gap + extra + rule;
  const surd = moved(sign, 0, sign.ascent - top);
  const parts: TextBox[] = [];
  let x = 0;
  if (node.degree) {
    const degree = layout(node.degree, context, 'scriptscript', true);
    const raise =
      (mathOf(context).constants.radicalDegreeBottomRaisePercent / 100) * (sign.ascent + sign.descent) - surd.descent;
    x = get('radicalKernBeforeDegree') + degree.width + get('radicalKernAfterDegree');
    parts.push(moved(degree, get('radicalKernBeforeDegree'), -raise - degree.descent));
  }
  x = Math.max(0, x);
  parts.push(moved(surd, x, 0), moved(body, x + sign.width, 0));
  const box = stacked(parts, x + sign.width + body.width, `√(${body.text})`);
  return {
    ...box,
    ascent: Math.max(box.ascent, top + get('radicalExtraAscender')),
    rules: [...box.rules, { x: x + sign.width, y: -top, width: body.width, height: rule }],
    atom: 'ord',
    italic: 0,
  };
}

function accent(node: MathNode & { kind: 'accent' }, context: Context, style: MathStyle): MathBox {
  const body = layout(node.body, context, style, true);
  const size = fontSizeOf(context, style);
  const mathGlyph = context.fonts.math(context.family, node.character.codePointAt(0)!);
  let glyph = mathGlyph.glyph;
  if (node.stretch) {
    const most = (body.width / size) * mathGlyph.face.unitsPerEm;
    for (const [wider, extent] of mathGlyph.face.math?.wider(glyph) ?? []) if (extent <= most) glyph = wider;
  }
  const mark = glyphBox(mathGlyph.face, glyph, size, '');
  const scale = size / mathGlyph.face.unitsPerEm;
  // Combining glyphs have no advance of their own: the attachment point is their middle.
  const { left, right } = boundsOf(mathGlyph.face.outline(glyph)) ?? { left: 0, right: 0 };
  const attach = mathGlyph.face.math?.accentAttachment(glyph) ?? (left + right) / 2;
  const x = (body.attach ?? (body.width + body.italic) / 2) - attach * scale;
  const lift = Math.max(0, body.ascent - mathConstant(context, style, 'accentBaseHeight'));
  const over = moved(mark, x, -lift);
  return {
    ...stacked([body, over], body.width, body.text + node.character),
    atom: body.atom,
    italic: body.italic,
    single: body.single ?? false,
  };
}

function bar(node: MathNode & { kind: 'bar' }, context: Context, style: MathStyle): MathBox {
  const body = layout(node.body, context, style, true);
  const get = (name: MathConstant): number => mathConstant(context, style, name);
  const thickness = get(node.over ? 'overbarRuleThickness' : 'underbarRuleThickness');
  const gap = get(node.over ? 'overbarVerticalGap' : 'underbarVerticalGap');
  const y = node.over ? -body.ascent - gap - thickness : body.descent + gap;
  return {
    ...body,
    ascent: node.over ? body.ascent + gap + thickness : body.ascent,
    descent: node.over ? body.descent : body.descent + gap + thickness,
    rules: [...body.rules, { x: 0, y, width: body.width + body.italic, height: thickness }],
    atom: 'ord',
  };
}

function matrix(node: MathNode & { kind: 'matrix' }, context: Context, style: MathStyle): MathBox {
  const inner: MathStyle = style === 'display' ? 'text' : style;
  const size = fontSizeOf(context, inner);
  const cells = node.rows.map((cellsOfRow) => cellsOfRow.map((cell) => layout(cell, context, inner, false)));
  const columns = Math.max(...cells.map((line) => line.length));
  const widths = Array.from({ length: columns }, (_, k) => Math.max(...cells.map((line) => line[k]?.width ?? 0)));
  const parts: TextBox[] = [];
  let y = 0;
  cells.forEach((line, r) => {
    const ascent = Math.max(0.7 * size, ...line.map((cell) => cell.ascent));
    const descent = Math.max(0.3 * size, ...line.map((cell) => cell.descent));
    y += ascent + (r > 0 ? 0.1 * size : 0);
    let x = 0;
    line.forEach((cell, k) => {
      parts.push(moved(cell, x + (node.align === 'center' ? (widths[k] - cell.width) / 2 : 0), y));
      x += widths[k] + size;
    });
    y += descent;
  });
  const width = widths.reduce((sum, w) => sum + w, 0) + size * (columns - 1);
  const axis = mathConstant(context, style, 'axisHeight');
  const shift = -y / 2 - axis;
  const text = cells.map((line) => line.map((cell) => cell.text).join(', ')).join('; ');
  const placed = stacked(
    parts.map((part) => moved(part, 0, shift)),
    width,
    text,
  );
  return { ...placed, atom: 'inner', italic: 0 };
}
