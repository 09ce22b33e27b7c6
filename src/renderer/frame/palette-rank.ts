/**
 * What the command palette offers for what was typed, the best first. An exact name comes before a beginning, that before words that begin so, those before words that
 * merely occur; among equals, commands that open something come before those that change something. Commands that change data are offered only for the words of their name,
 * never because letters of it occur somewhere.
 */

export interface PaletteEntry {
  readonly id: string;
  readonly title: string;
  /** Whether choosing it changes data: it deletes, moves, cancels, starts. */
  readonly changes: boolean;
  /** Found by more than its title: a run by its notes, tags and settings. */
  readonly isFound?: boolean;
}

/** The smaller the better. */
type Rank = 0 | 1 | 2 | 3 | 4 | 5;

/** As people type it: "γ" is "gamma", "×" is "x", without accents, case and punctuation between words. */
export function plainWords(text: string): string {
  return text
    .toLowerCase()
    .replace(/×/g, 'x')
    .replace(/γ/g, 'gamma')
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^\p{L}\p{N}.+-]+/gu, ' ')
    .trim();
}

/** Whether the words of `query` begin words of `title` in the same order. */
function beginsInOrder(title: readonly string[], query: readonly string[]): boolean {
  let at = 0;
  for (const word of query) {
    while (at < title.length && !title[at].startsWith(word)) at++;
    if (at++ >= title.length) return false;
  }
  return true;
}

/** Null: not offered. */
export function rankOf(entry: PaletteEntry, query: string): Rank | null {
  const [title, asked] = [plainWords(entry.title), plainWords(query)];
  if (asked === '') return 0;
  if (title === asked) return 0;
  if (title.startsWith(asked)) return 1;
  const [titleWords, askedWords] = [title.split(' '), asked.split(' ')];
  if (beginsInOrder(titleWords, askedWords)) return 2;
  if (entry.changes) return null;
  if (askedWords.every((word) => titleWords.some((other) => other.startsWith(word)))) return 3;
  if (askedWords.every((word) => title.includes(word))) return 4;
  return entry.isFound === true ? 5 : null;
}

/** In the order of the list among equals. */
export function ranked<E extends PaletteEntry>(entries: readonly E[], query: string): E[] {
  return entries
    .flatMap((entry, index) => {
      const rank = rankOf(entry, query);
      return rank === null ? [] : [{ entry, key: [rank, entry.changes ? 1 : 0, index] as const }];
    })
    .sort((a, b) => a.key[0] - b.key[0] || a.key[1] - b.key[1] || a.key[2] - b.key[2])
    .map(({ entry }) => entry);
}
