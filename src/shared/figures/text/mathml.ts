/**
 * Labels as markup for a browser: text as text, TeX mathematics as MathML; and as plain text if no markup is drawn. Letters keep the text's own italic
 * face (class "italic"), not the alphabets of mathematical fonts, which a machine need not have.
 */
import { escapeXml } from '../svg.ts';
import { splitLabel } from './label.ts';
import { parseTex, type MathNode } from './tex.ts';

/** A label ("slope of $\\gamma$") as markup. Raises InputError for a formula that cannot be parsed. */
export function labelMarkup(label: string): string {
  return splitLabel(label)
    .map(({ kind, source }) => (kind === 'text' ? escapeXml(source) : formulaMarkup(parseTex(source))))
    .join('');
}

/** Screen readers, and the accessible names of buttons, mostly ignore MathML: the words are given beside it. */
function formulaMarkup(formula: MathNode): string {
  const name = escapeXml(words(formula).replace(/ +/g, ' ').trim());
  return `<span role="math" aria-label="${name}"><math aria-hidden="true">${markup(formula)}</math></span>`;
}

/** A label as plain text: "$C_{ii}$" becomes "C_ii", "$\\log H$" becomes "log H". */
export function labelWords(label: string): string {
  return splitLabel(label)
    .map(({ kind, source }) => (kind === 'text' ? source : words(parseTex(source))))
    .join('');
}

const operator = (text: string, attributes = ''): string => `<mo${attributes}>${escapeXml(text)}</mo>`;
/** A sixth of the type size: around the names of functions, as in TeX. */
const thinSpace = '<mspace width="0.17em"></mspace>';
const rigid = ' stretchy="false"';

function symbol({ character, atom, alphabet, large }: Extract<MathNode, { kind: 'symbol' }>): string {
  if (/[0-9]/.test(character)) return `<mn>${character}</mn>`;
  // Drawing drops these spaces; they are for reading aloud and copying.
  if (['bin', 'rel'].includes(atom)) return operator(` ${character} `, rigid);
  if (large || !['ord', 'inner'].includes(atom)) return operator(character, rigid);
  const isItalic = /^[A-Za-z\u03b1-\u03c9ϵϑϰϕϱϖℓ∂]$/u.test(character) && alphabet !== 'rm' && alphabet !== 'bf';
  const isBold = alphabet === 'bf' || alphabet === 'bi';
  const face = [...(isItalic ? ['italic'] : []), ...(isBold ? ['bold'] : [])].join(' ');
  return `<mi mathvariant="normal"${face === '' ? '' : ` class="${face}"`}>${escapeXml(character)}</mi>`;
}

/** Digits and decimal points that stand together are one number. */
function row(children: readonly MathNode[]): string {
  const parts: string[] = [];
  let number = '';
  let previous: MathNode | undefined;
  const flush = (): void => {
    if (number !== '') parts.push(`<mn>${number}</mn>`);
    number = '';
  };
  for (const [k, child] of children.entries()) {
    if (child.kind === 'symbol' && /[0-9]/.test(child.character)) number += child.character;
    else if (child.kind === 'symbol' && child.character === '.' && number !== '') number += '.';
    else {
      flush();
      if (child.kind === 'operator' && previous?.kind === 'symbol' && previous.atom === 'ord') parts.push(thinSpace);
      parts.push(isSign(child, previous) ? operator(child.character, ' form="prefix"') : markup(child));
      const next = children[k + 1];
      if (isFunction(child) && next !== undefined && !isBracket(next)) parts.push(thinSpace);
    }
    previous = child;
  }
  flush();
  return parts.length === 1 ? parts[0] : `<mrow>${parts.join('')}</mrow>`;
}

function markup(node: MathNode): string {
  switch (node.kind) {
    case 'symbol':
      return symbol(node);
    case 'row':
      return row(node.children);
    case 'scripts': {
      const { base, sub, sup } = node;
      const inner = [base, sub, sup].flatMap((part) => (part === undefined ? [] : [markup(part)])).join('');
      const name = sub === undefined ? 'msup' : sup === undefined ? 'msub' : 'msubsup';
      return sub === undefined && sup === undefined ? markup(base) : `<${name}>${inner}</${name}>`;
    }
    case 'fraction':
      return `<mfrac${node.rule ? '' : ' linethickness="0"'}>${markup(node.top)}${markup(node.bottom)}</mfrac>`;
    case 'root':
      return node.degree === undefined
        ? `<msqrt>${markup(node.body)}</msqrt>`
        : `<mroot>${markup(node.body)}${markup(node.degree)}</mroot>`;
    case 'accent':
      return `<mover accent="true">${markup(node.body)}${operator(node.character, ` stretchy="${node.stretch}"`)}</mover>`;
    case 'bar':
      return node.over
        ? `<mover accent="true">${markup(node.body)}${operator('¯', ' stretchy="true"')}</mover>`
        : `<munder>${markup(node.body)}${operator('_', ' stretchy="true"')}</munder>`;
    case 'delimited':
      return `<mrow>${operator(node.open)}${markup(node.body)}${operator(node.close)}</mrow>`;
    case 'big':
      return operator(node.character, ` stretchy="true" minsize="${node.size}em"`);
    case 'operator':
      return `<mi mathvariant="normal">${escapeXml(node.name)} </mi>`;
    case 'text':
      return `<mtext>${escapeXml(node.text)}</mtext>`;
    case 'space':
      return `<mspace width="${(node.mu / 18).toFixed(2)}em"></mspace>`;
    case 'style':
      return `<mstyle displaystyle="${node.style === 'display'}">${markup(node.body)}</mstyle>`;
    case 'matrix':
      return `<mtable>${node.rows.map((cells) => `<mtr>${cells.map((cell) => `<mtd>${markup(cell)}</mtd>`).join('')}</mtr>`).join('')}</mtable>`;
  }
}

/** The name of a function, with what stands below or above it. */
function isFunction(node: MathNode): boolean {
  return node.kind === 'operator' || (node.kind === 'scripts' && node.base.kind === 'operator');
}

const isBracket = (node: MathNode): boolean =>
  node.kind === 'delimited' || (node.kind === 'symbol' && ['open', 'close', 'punct'].includes(node.atom));

/** Whether a minus or plus is a sign, as in "-1" and "x = -1". */
function isSign(node: MathNode, before?: MathNode): node is Extract<MathNode, { kind: 'symbol' }> {
  if (node.kind !== 'symbol' || node.atom !== 'bin') return false;
  return before === undefined || (before.kind === 'symbol' && ['bin', 'rel', 'open', 'punct'].includes(before.atom));
}

function words(node: MathNode): string {
  switch (node.kind) {
    case 'symbol':
      return ['bin', 'rel'].includes(node.atom) ? ` ${node.character} ` : node.character;
    case 'row':
      return node.children
        .map((child, k) => (isSign(child, node.children[k - 1]) ? child.character : words(child)))
        .join('');
    case 'scripts': {
      const part = (mark: string, of?: MathNode): string => (of === undefined ? '' : `${mark}${words(of).trim()}`);
      return `${words(node.base)}${part('_', node.sub)}${part('^', node.sup)}`;
    }
    case 'fraction':
      return `${words(node.top)}/${words(node.bottom)}`;
    case 'root':
      return `√(${words(node.body)})`;
    case 'accent':
    case 'bar':
    case 'style':
      return words(node.body);
    case 'delimited':
      return `${node.open}${words(node.body)}${node.close}`;
    case 'big':
      return node.character;
    case 'operator':
      return `${node.name} `;
    case 'text':
      return node.text;
    case 'space':
      return node.mu > 0 ? ' ' : '';
    case 'matrix':
      return node.rows.map((cells) => cells.map(words).join(', ')).join('; ');
  }
}
