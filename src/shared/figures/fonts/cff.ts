/**
 * Outlines of CFF fonts (OpenType with PostScript outlines, such as Noto Sans CJK), for characters that only a system font has. Reads the
 * Type 2 charstrings of version 1 tables, CID-keyed ones included; hints are skipped.
 * References: Adobe Technical Notes 5176 (CFF) and 5177 (Type 2 charstrings).
 */
import { C, L, M, Z, type PathData } from '../path.ts';

export type CffOutlines = (glyph: number) => PathData;

interface Index {
  readonly count: number;
  /** Start and end of item k. */
  range(k: number): readonly [number, number];
  readonly end: number;
}

export function cffOutlines(data: Uint8Array): CffOutlines {
  const u16 = (at: number): number => (data[at] << 8) | data[at + 1];

  function index(at: number): Index {
    const count = u16(at);
    if (count === 0) return { count, range: () => [0, 0], end: at + 2 };
    const size = data[at + 2];
    const offset = (k: number): number => {
      let value = 0;
      for (let b = 0; b < size; b++) value = value * 256 + data[at + 3 + k * size + b];
      return value;
    };
    const base = at + 2 + (count + 1) * size;
    return { count, range: (k) => [base + offset(k), base + offset(k + 1)], end: base + offset(count) };
  }

  function dictionary([from, to]: readonly [number, number]): Map<number, number[]> {
    const entries = new Map<number, number[]>();
    let operands: number[] = [];
    for (let p = from; p < to;) {
      const b = data[p++];
      if (b <= 21) {
        entries.set(b === 12 ? 1200 + data[p++] : b, operands);
        operands = [];
      } else if (b === 28) {
        operands.push((u16(p) << 16) >> 16);
        p += 2;
      } else if (b === 29) {
        operands.push((u16(p) << 16) | u16(p + 2));
        p += 4;
      } else if (b === 30) {
        let text = '';
        for (let done = false; !done;) {
          const pair = data[p++];
          for (const nibble of [pair >> 4, pair & 15]) {
            if (nibble === 15) {
              done = true;
              break;
            }
            text += ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '.', 'E', 'E-', '', '-'][nibble];
          }
        }
        operands.push(Number(text));
      } else if (b <= 246) operands.push(b - 139);
      else if (b <= 250) operands.push((b - 247) * 256 + data[p++] + 108);
      else operands.push(-(b - 251) * 256 - data[p++] - 108);
    }
    return entries;
  }

  const names = index(data[2]);
  const tops = index(names.end);
  const strings = index(tops.end);
  const globals = index(strings.end);
  const top = dictionary(tops.range(0));
  const offset = top.get(17)?.[0];
  if (offset === undefined) throw new Error('the CFF font has no charstrings');
  const charstrings = index(offset);
  const localsOf = (dict: Map<number, number[]>): Index | undefined => {
    const place = dict.get(18);
    if (!place) return undefined;
    const local = dictionary([place[1], place[1] + place[0]]).get(19);
    return local ? index(place[1] + local[0]) : undefined;
  };
  const fontArray = top.get(1236);
  const fonts = fontArray ? index(fontArray[0]) : undefined;
  const locals: (Index | undefined)[] = [];
  if (fonts) for (let k = 0; k < fonts.count; k++) locals.push(localsOf(dictionary(fonts.range(k))));
  else locals.push(localsOf(top));
  const select = top.get(1237)?.[0];
  const fontOf = (glyph: number): number => {
    if (!fonts || select === undefined) return 0;
    if (data[select] === 0) return data[select + 1 + glyph];
    const ranges = u16(select + 1);
    let font = 0;
    for (let k = 0; k < ranges && u16(select + 3 + 3 * k) <= glyph; k++) font = data[select + 5 + 3 * k];
    return font;
  };

  return (glyph) => {
    if (!(glyph >= 0 && glyph < charstrings.count)) throw new Error(`the CFF font has no glyph ${glyph}`);
    return new Interpreter(data, globals, locals[fontOf(glyph)]).run(charstrings.range(glyph));
  };
}

/** The drawing machine of one charstring. */
class Interpreter {
  readonly data: Uint8Array;
  readonly globals: Index;
  readonly locals: Index | undefined;
  readonly path: number[] = [];
  private stack: number[] = [];
  private x = 0;
  private y = 0;
  private hints = 0;
  private open = false;
  private done = false;
  private widthTaken = false;

  constructor(data: Uint8Array, globals: Index, locals: Index | undefined) {
    this.data = data;
    this.globals = globals;
    this.locals = locals;
  }

  run(range: readonly [number, number]): number[] {
    this.execute(range, 0);
    this.close();
    return this.path;
  }

  private close(): void {
    if (this.open) this.path.push(Z);
    this.open = false;
  }

  private move(dx: number, dy: number): void {
    this.close();
    this.x += dx;
    this.y += dy;
    this.path.push(M, this.x, this.y);
    this.open = true;
  }

  private line(dx: number, dy: number): void {
    this.x += dx;
    this.y += dy;
    this.path.push(L, this.x, this.y);
  }

  private curve(dx1: number, dy1: number, dx2: number, dy2: number, dx3: number, dy3: number): void {
    const x1 = this.x + dx1;
    const y1 = this.y + dy1;
    const x2 = x1 + dx2;
    const y2 = y1 + dy2;
    this.x = x2 + dx3;
    this.y = y2 + dy3;
    this.path.push(C, x1, y1, x2, y2, this.x, this.y);
  }

  /** The first stack-clearing operator may carry the width before its own operands. */
  private takeWidth(expected: number | 'even'): void {
    if (this.widthTaken) return;
    this.widthTaken = true;
    if (expected === 'even' ? this.stack.length % 2 === 1 : this.stack.length > expected) this.stack.shift();
  }

  private call(subroutines: Index | undefined, depth: number): void {
    const number = this.stack.pop();
    if (!subroutines || number === undefined || depth > 10)
      throw new Error('the CFF font calls a subroutine it does not have');
    const bias = subroutines.count < 1240 ? 107 : subroutines.count < 33900 ? 1131 : 32768;
    this.execute(subroutines.range(number + bias), depth + 1);
  }

  private execute([from, to]: readonly [number, number], depth: number): void {
    const { data } = this;
    for (let p = from; p < to && !this.done;) {
      const b = data[p++];
      const s = this.stack;
      if (b >= 32 || b === 28) {
        if (b === 28) {
          s.push(((data[p] << 24) | (data[p + 1] << 16)) >> 16);
          p += 2;
        } else if (b <= 246) s.push(b - 139);
        else if (b <= 250) s.push((b - 247) * 256 + data[p++] + 108);
        else if (b <= 254) s.push(-(b - 251) * 256 - data[p++] - 108);
        else {
          s.push(((data[p] << 24) | (data[p + 1] << 16) | (data[p + 2] << 8) | data[p + 3]) / 65536);
          p += 4;
        }
        continue;
      }
      switch (b) {
        case 1:
        case 3:
        case 18:
        case 23:
          this.takeWidth('even');
          this.hints += s.length >> 1;
          break;
        case 19:
        case 20:
          this.takeWidth('even');
          this.hints += s.length >> 1;
          p += (this.hints + 7) >> 3;
          break;
        case 21:
          this.takeWidth(2);
          this.move(s[0], s[1]);
          break;
        case 22:
          this.takeWidth(1);
          this.move(s[0], 0);
          break;
        case 4:
          this.takeWidth(1);
          this.move(0, s[0]);
          break;
        case 5:
          for (let k = 0; k + 1 < s.length; k += 2) this.line(s[k], s[k + 1]);
          break;
        case 6:
        case 7:
          for (let k = 0, horizontal = b === 6; k < s.length; k++, horizontal = !horizontal) {
            if (horizontal) this.line(s[k], 0);
            else this.line(0, s[k]);
          }
          break;
        case 8:
          for (let k = 0; k + 5 < s.length; k += 6) this.curve(s[k], s[k + 1], s[k + 2], s[k + 3], s[k + 4], s[k + 5]);
          break;
        case 24: {
          let k = 0;
          for (; k + 7 < s.length; k += 6) this.curve(s[k], s[k + 1], s[k + 2], s[k + 3], s[k + 4], s[k + 5]);
          this.line(s[k], s[k + 1]);
          break;
        }
        case 25: {
          let k = 0;
          for (; k + 7 < s.length; k += 2) this.line(s[k], s[k + 1]);
          this.curve(s[k], s[k + 1], s[k + 2], s[k + 3], s[k + 4], s[k + 5]);
          break;
        }
        case 26: {
          let k = s.length % 4;
          let dx = k === 1 ? s[0] : 0;
          for (; k + 3 < s.length; k += 4, dx = 0) this.curve(dx, s[k], s[k + 1], s[k + 2], 0, s[k + 3]);
          break;
        }
        case 27: {
          let k = s.length % 4;
          let dy = k === 1 ? s[0] : 0;
          for (; k + 3 < s.length; k += 4, dy = 0) this.curve(s[k], dy, s[k + 1], s[k + 2], s[k + 3], 0);
          break;
        }
        case 30:
        case 31: {
          let horizontal = b === 31;
          for (let k = 0; k + 3 < s.length; k += 4, horizontal = !horizontal) {
            const last = s.length - k === 5 ? s[k + 4] : 0;
            if (horizontal) this.curve(s[k], 0, s[k + 1], s[k + 2], last, s[k + 3]);
            else this.curve(0, s[k], s[k + 1], s[k + 2], s[k + 3], last);
          }
          break;
        }
        case 10:
          this.call(this.locals, depth);
          continue;
        case 29:
          this.call(this.globals, depth);
          continue;
        case 11:
          return;
        case 14:
          this.takeWidth(0);
          this.done = true;
          return;
        case 12:
          this.flex(data[p++]);
          break;
        default:
          throw new Error(`the CFF font uses an operator that is not drawn here (${b})`);
      }
      this.stack = [];
    }
  }

  private flex(operator: number): void {
    const s = this.stack;
    if (operator === 35) {
      this.curve(s[0], s[1], s[2], s[3], s[4], s[5]);
      this.curve(s[6], s[7], s[8], s[9], s[10], s[11]);
    } else if (operator === 34) {
      this.curve(s[0], 0, s[1], s[2], s[3], 0);
      this.curve(s[4], 0, s[5], -s[2], s[6], 0);
    } else if (operator === 36) {
      this.curve(s[0], s[1], s[2], s[3], s[4], 0);
      this.curve(s[5], 0, s[6], s[7], s[8], -(s[1] + s[3] + s[7]));
    } else if (operator === 37) {
      const dx = s[0] + s[2] + s[4] + s[6] + s[8];
      const dy = s[1] + s[3] + s[5] + s[7] + s[9];
      const horizontal = Math.abs(dx) > Math.abs(dy);
      this.curve(s[0], s[1], s[2], s[3], s[4], s[5]);
      this.curve(s[6], s[7], s[8], s[9], horizontal ? s[10] : -dx, horizontal ? -dy : s[10]);
    } else throw new Error(`the CFF font uses an operator that is not drawn here (12 ${operator})`);
  }
}
