/** Numbers and tables for people at a terminal. */
import { plainExponent, withUncertainty } from '../../shared/figures/numbers.ts';
import type { ReportTable } from '../../shared/figures/report/types.ts';
import { splitLabel } from '../../shared/figures/text/label.ts';
import { isEstimate, type NumberStyle } from '../../shared/rounding.ts';
import type { SummaryValue } from '../../shared/contract/records.ts';

/** 3.2e-5 as "3.2 x 10^-5"; plain between 0.001 and 99,999. */
export function formatNumber(value: number | null | undefined, digits = 4): string {
  if (value === null || value === undefined || Number.isNaN(value)) return '-';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e6) return String(value);
  if (size >= 1e-3 && size < 1e5) {
    const text = value.toPrecision(digits);
    // More digits before the point than asked for: all of them, no power of ten.
    return text.includes('e') ? value.toFixed(0) : text;
  }
  const [mantissa, exponent] = value.toExponential(digits - 1).split('e');
  return `${mantissa} x 10^${Number(exponent)}`;
}

/** With so many decimals; "-" for what is not there. */
export function formatFixed(value: number | null | undefined, decimals = 3): string {
  return value === null || value === undefined ? '-' : value.toFixed(decimals);
}

/** "1.203 ± 0.018", "(3.21 ± 0.15) x 10^-5". */
export function formatUncertain(value: number, uncertainty: number): string {
  return terminalText(withUncertainty(value, uncertainty));
}

/** A label as the terminal writes it: formulas spelled out ("$C_{\\text{dual}}$" as "C_dual"), numbers without signs that a terminal may lack. */
function terminalText(label: string): string {
  const spelled = (formula: string): string =>
    formula
      .replace(/\\text\{([^}]*)\}/g, '$1')
      .replace(/\\,/g, ' ')
      .replace(/\\([A-Za-z]+)/g, (_, name: string) => (name === 'nabla' ? 'grad' : name))
      .replace(/[{}]/g, '');
  return splitLabel(label)
    .map(({ kind, source }) => (kind === 'text' ? source : spelled(source)))
    .join('')
    .replace(/[−–]/g, '-')
    .replace(/\u202f/g, '')
    .replace(/ × 10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)/g, (_, raised: string) => ` x 10^${plainExponent(raised)}`);
}

/** A table of a report under its caption, after an empty line; one of a single cell as a sentence. */
export function tableLines({ caption, head, rows }: ReportTable): string[] {
  const text = (cells: readonly string[]): string[] => cells.map(terminalText);
  if (head.length === 1 && rows.length === 1)
    return ['', `  ${terminalText(caption)}: ${head[0].replace(/ because$/, '')}: ${text(rows[0])[0]}`];
  return ['', `  ${terminalText(caption)}`, indent(formatTable(text(head), rows.map(text)))];
}

/** A result of a run: with its interval "1.203 ± 0.018", an estimate "≈ 1.203 ± 0.018". */
export function formatResult(key: string, { value, text, low, high }: SummaryValue): string {
  if (value === null) return text ?? '-';
  if (low === null || high === null) return formatNumber(value);
  return `${isEstimate(key, { low, high }) ? '≈ ' : ''}${formatUncertain(value, (high - low) / 2)}`;
}

export const terminalStyle: NumberStyle = { number: formatNumber, uncertain: formatUncertain, dash: '-' };

/** Columns aligned under their heads; numbers (cells that begin with a digit or sign) to the right. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, j) => Math.max(title.length, ...rows.map((row) => row[j].length)));
  const isNumeric = head.map((_, j) => rows.every((row) => /^[-+\d]/.test(row[j])));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, j) => (isNumeric[j] ? cell.padStart(widths[j]) : cell.padEnd(widths[j])))
      .join('  ')
      .trimEnd();
  return [line(head), ...rows.map(line)].join('\n');
}

/** A measurement in a few lines, such as "0.16 (random 0.70)". */
export function indent(text: string, by = '  '): string {
  return text
    .split('\n')
    .map((line) => by + line)
    .join('\n');
}

/** "4 s", "2 min 5 s", "1 h 20 min". */
export function formatDuration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toPrecision(2)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return whole % 60 === 0 ? `${minutes} min` : `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
