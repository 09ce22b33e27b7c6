/** The small print: statements of a figure, those of a panel behind its letter. */

/** Statements in their order, each once; those of a panel follow each other behind one letter. */
export function mergedNotes(notes: readonly { readonly text: string; readonly letter: string }[]): string[] {
  const out: string[] = [];
  for (const { text, letter } of notes) {
    const before = letter === '' ? -1 : out.findIndex((note) => note.startsWith(`${letter}: `));
    if (before >= 0) {
      if (!out[before].includes(text)) out[before] += `; ${text}`;
    } else {
      const whole = letter === '' ? text : `${letter}: ${text}`;
      if (!out.includes(whole)) out.push(whole);
    }
  }
  return out;
}

/** Sentences: a statement that begins with a word begins with a capital. */
export function notesText(notes: readonly string[]): string {
  const sentence = (note: string): string => (/^[a-z]{2,}/.test(note) ? note[0].toUpperCase() + note.slice(1) : note);
  // A number keeps its per cent.
  return `${notes.map(sentence).join('. ')}.`.replace(/(\d) %/g, '$1\u00a0%');
}
