/**
 * JSON in which a repeated key in one object is an error. `JSON.parse` keeps the last one silently, so that two programs may read two different
 * things from one file.
 */

/** Parses `text`. Throws a SyntaxError for what is not JSON, is nested deeper than `depth` or repeats a key. */
export function parseStrictJson(text: string, depth = 16): unknown {
  const value: unknown = JSON.parse(text);
  // From here on the text is known to be JSON, so a walk over its tokens only has to recognise strings and brackets.
  const open: (Set<string> | null)[] = [];
  let expectKey = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x7b /* { */ || c === 0x5b /* [ */) {
      if (open.length === depth) throw new SyntaxError(`nested deeper than ${depth} levels`);
      open.push(c === 0x7b ? new Set() : null);
      expectKey = c === 0x7b;
    } else if (c === 0x7d /* } */ || c === 0x5d /* ] */) {
      open.pop();
      expectKey = false;
    } else if (c === 0x2c /* , */) {
      expectKey = open.at(-1) instanceof Set;
    } else if (c === 0x22 /* " */) {
      const start = i;
      for (i++; text.charCodeAt(i) !== 0x22; i++) if (text.charCodeAt(i) === 0x5c) i++;
      const keys = open.at(-1);
      if (expectKey && keys) {
        const key = JSON.parse(text.slice(start, i + 1)) as string;
        if (keys.has(key)) throw new SyntaxError(`the key ${JSON.stringify(key)} is repeated`);
        keys.add(key);
        expectKey = false;
      }
    }
  }
  return value;
}
