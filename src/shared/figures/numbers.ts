/** Formats numbers as in the interface: 1.203 ± 0.018, 3.2 × 10⁻⁵, integers with thin separators. */
import type { NumberStyle } from '../rounding.ts';

const superscripts = '⁰¹²³⁴⁵⁶⁷⁸⁹';

/** Between thousands: as wide as a thin space, and no line ends at it. */
const separator = '\u202f';

/** A true minus sign and narrow no-break spaces between thousands. */
export function integerText(value: number): string {
  const digits = Math.abs(Math.round(value)).toString();
  const grouped = digits.length > 3 ? digits.replace(/\B(?=(\d{3})+$)/g, separator) : digits;
  return (Math.round(value) < 0 ? '−' : '') + grouped;
}

/** The same as TeX mathematics. */
export function integerTex(value: number): string {
  return tex(integerText(value));
}

/** The exponent as raised digits of Unicode, for text outside figures. */
export function powerText(exponent: number): string {
  return `10${[...String(exponent)].map((digit) => (digit === '-' ? '⁻' : superscripts[Number(digit)])).join('')}`;
}

/** Raised digits of Unicode as plain ones. */
export function plainExponent(raised: string): string {
  return [...raised].map((digit) => (digit === '⁻' ? '-' : String(superscripts.indexOf(digit)))).join('');
}

/** Mantissa and exponent with `digits` significant digits: 3.2e-5 -> ["3.2", -5]. Rounding never yields a mantissa of 10. */
export function scientificParts(value: number, digits: number): [mantissa: string, exponent: number] {
  const [mantissa, exponent] = value.toExponential(Math.max(0, digits - 1)).split('e');
  return [mantissa.replace('-', '−'), Number(exponent)];
}

/** A number with `digits` significant digits; powers of ten below 0.001 and from 100 000, thin separators from 10 000. */
export function numberText(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'not a number' : value > 0 ? '∞' : '−∞';
  if (value === 0) return '0';
  const [mantissa, exponent] = scientificParts(value, digits);
  if (exponent < -3 || exponent >= 5) return `${mantissa} × ${powerText(exponent)}`;
  const fixed = value.toFixed(Math.max(0, digits - 1 - exponent));
  return fixed.replace('-', '−').replace(/^(−?\d{2})(\d{3})$/, `$1${separator}$2`);
}

/** Decimals that show an uncertainty with two significant digits (one from 3.0 on where `digits` is 1). */
function decimalsFor(uncertainty: number, digits: number): number {
  return digits - 1 - Number(uncertainty.toExponential(digits - 1).split('e')[1]);
}

/**
 * "1.203 ± 0.018": the uncertainty with two significant digits, the value to the same place. Values far from 1 carry a common power of ten:
 * "(3.21 ± 0.15) × 10⁻⁵". Without a finite positive uncertainty the value alone, four significant digits.
 */
export function withUncertainty(value: number, uncertainty: number, digits = 2): string {
  if (!(uncertainty > 0) || !Number.isFinite(uncertainty) || !Number.isFinite(value)) return numberText(value, 4);
  const size = Math.max(Math.abs(value), uncertainty);
  const exponent = Math.floor(Math.log10(size));
  if (exponent < -3 || exponent >= 5) {
    const scale = 10 ** exponent;
    const decimals = Math.max(0, decimalsFor(uncertainty / scale, digits));
    return `(${minus((value / scale).toFixed(decimals))} ± ${(uncertainty / scale).toFixed(decimals)}) × ${powerText(exponent)}`;
  }
  const decimals = Math.max(0, decimalsFor(uncertainty, digits));
  return `${minus(value.toFixed(decimals))} ± ${uncertainty.toFixed(decimals)}`;
}

/** The number style of the window and of pages. */
export const pageStyle: NumberStyle = { number: numberText, uncertain: withUncertainty, dash: '–' };

/** A number, or a dash if there is none. */
export function numberOrDash(value: number | null | undefined, digits = 3): string {
  return value === null || value === undefined ? pageStyle.dash : numberText(value, digits);
}

/** "1.203 [1.185, 1.221]": a value with an interval, to two significant digits of the interval's half width. */
export function withInterval(value: number, low: number, high: number): string {
  const half = (high - low) / 2;
  if (!(half > 0)) return numberText(value, 4);
  const decimals = Math.max(0, decimalsFor(half, 2));
  return `${minus(value.toFixed(decimals))} [${minus(low.toFixed(decimals))}, ${minus(high.toFixed(decimals))}]`;
}

/** "1.203 ± 0.018" as TeX, or "1.203(18)" with `brackets`. For tables. */
export function uncertaintyTex(value: number, uncertainty: number, brackets = false): string {
  if (!Number.isFinite(value)) return '--';
  if (!(uncertainty > 0) || !Number.isFinite(uncertainty)) return `$${tex(numberText(value, 4))}$`;
  if (!brackets) return `$${tex(withUncertainty(value, uncertainty))}$`;
  const decimals = decimalsFor(uncertainty, 2);
  if (decimals < 0 || decimals > 8) return `$${tex(withUncertainty(value, uncertainty))}$`;
  return `$${value.toFixed(decimals)}(${Math.round(uncertainty * 10 ** decimals)})$`;
}

/** Text of this module as TeX mathematics. */
function tex(text: string): string {
  return text
    .replace(/−/g, '-')
    .replace(/±/g, '\\pm ')
    .replaceAll(separator, '\\,')
    .replace(/ × 10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)/g, (_, digits: string) => ` \\times 10^{${plainExponent(digits)}}`)
    .replace(/∞/g, '\\infty');
}

function minus(text: string): string {
  return text.replace('-', '−');
}
