/** The commands that README and docs show: in blocks of code, and in running text between backticks. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

export interface ShownCommand {
  /** "docs/figures.md:113". */
  readonly place: string;
  /** As it is shown. */
  readonly text: string;
  /** What is run: "covature", "npm" or "node". */
  readonly program: 'covature' | 'npm' | 'node';
  /** Its arguments; of covature the command first. */
  readonly args: readonly string[];
  /** Of a block of code, which one can copy; not of running text, which may leave out the rest. */
  readonly isWhole: boolean;
}

/** README.md and every page of docs. */
export function documents(): string[] {
  return [
    'README.md',
    ...readdirSync(`${root}docs`)
      .filter((name) => name.endsWith('.md'))
      .map((name) => `docs/${name}`),
  ];
}

/** The commands of a document in the order in which they stand. */
export function commandsIn(document: string): ShownCommand[] {
  const found: ShownCommand[] = [];
  const add = (line: number, text: string, isWhole: boolean): void => {
    const parsed = commandOf(text);
    if (parsed !== undefined) found.push({ place: `${document}:${line}`, text, ...parsed, isWhole });
  };
  let fence: string | undefined;
  readFileSync(`${root}${document}`, 'utf8')
    .split('\n')
    .forEach((line, i) => {
      const opened = /^\s*```(\w*)/.exec(line);
      if (opened !== null) fence = fence === undefined ? opened[1] : undefined;
      else if (fence !== undefined) {
        if (['', 'sh', 'bash', 'console', 'text'].includes(fence)) add(i + 1, line.trim(), true);
      } else if (line.startsWith('    ')) add(i + 1, line.trim(), true);
      else for (const [, code] of line.matchAll(/`([^`]+)`/g)) add(i + 1, code, false);
    });
  return found;
}

/** undefined for a line that runs none of the project's programs. */
function commandOf(text: string): Pick<ShownCommand, 'program' | 'args'> | undefined {
  const words = wordsOf(text.replace(/^\$ /, ''));
  while (/^[A-Z_]+=/.test(words[0] ?? '')) words.shift();
  const [first, ...rest] = words;
  if (first === 'npx' && rest[0] === 'covature') return { program: 'covature', args: rest.slice(1) };
  if (first === 'covature' && rest.length > 0) return { program: 'covature', args: rest };
  if (first === 'npm' && ['run', 'test', 'start'].includes(rest[0] ?? '')) {
    const own = rest.filter((word) => word !== '--silent');
    if (own[0] === 'run') own.shift();
    if (own[0] !== 'covature') return { program: 'npm', args: own };
    const args = own.slice(own[1] === '--' ? 2 : 1);
    return args.length === 0 ? undefined : { program: 'covature', args };
  }
  if ((first === 'node' || first === 'node_modules/.bin/node') && rest[0]?.startsWith('scripts/') === true)
    return { program: 'node', args: rest };
  return undefined;
}

/** The words of a line as a shell takes them, without its remark. */
function wordsOf(text: string): string[] {
  const words: string[] = [];
  const pattern = /'([^']*)'|"([^"]*)"|(#.*$)|([^\s'"]+)|\s+/g;
  let open = false;
  for (const [whole, single, double, remark, plain] of text.matchAll(pattern)) {
    if (remark !== undefined && !open) break;
    const piece = single ?? double ?? plain ?? remark;
    if (piece === undefined) open = false;
    else if (open) words[words.length - 1] += piece;
    else {
      words.push(piece);
      open = true;
    }
    if (whole.trim() === '') open = false;
  }
  return words;
}
