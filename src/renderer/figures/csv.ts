/** Comma-separated values as this program writes them (RFC 4180), as a table. */
import type { TableData } from '../charts/table.ts';

/** Lines that begin with "#" are remarks. Cells that are numbers come as numbers. */
export function tableOf(text: string): TableData {
  const [head = [], ...rows] = linesOf(text).filter(([first]) => first?.startsWith('#') !== true);
  return {
    columns: head,
    count: rows.length,
    row: (index) => rows[index].map(cellOf),
  };
}

function cellOf(text: string): number | string | null {
  if (text === '') return null;
  const number = Number(text);
  return Number.isNaN(number) ? text : number;
}

function linesOf(text: string): string[][] {
  const lines: string[][] = [];
  let line: string[] = [];
  let cell = '';
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted) {
      if (c !== '"') cell += c;
      else if (text[i + 1] === '"') cell += text[++i];
      else quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === ',') {
      line.push(cell);
      cell = '';
    } else if (c === '\n') {
      lines.push([...line, cell]);
      line = [];
      cell = '';
    } else if (c !== '\r') cell += c;
  }
  if (cell !== '' || line.length > 0) lines.push([...line, cell]);
  return lines.filter((each) => each.length > 1 || each[0] !== '');
}
