/** The small print: statements of a figure, those of a panel behind its letter. */

interface Note {
  readonly text: string;
  /** Of the panel that it is about, "(a)"; empty if about the whole figure. */
  readonly letter: string;
}

/** What of one panel is left out for one reason is one statement: "1 of 9 values, 1 of 4 means not drawn: not positive". */
function byReason(notes: readonly Note[]): Note[] {
  const separator = ' not drawn: ';
  const out: Note[] = [];
  for (const note of notes) {
    const [subject, reason] = note.text.split(separator);
    const same = out.findIndex(({ text, letter }) => letter === note.letter && text.split(separator)[1] === reason);
    if (reason === undefined || same < 0) out.push(note);
    else {
      const subjects = out[same].text.split(separator)[0].split(', ');
      if (!subjects.includes(subject)) subjects.push(subject);
      out[same] = { ...note, text: subjects.join(', ') + separator + reason };
    }
  }
  return out;
}

/** Statements in their order, each once; those of a panel follow each other behind one letter. */
export function mergedNotes(notes: readonly Note[]): string[] {
  const out: string[] = [];
  for (const { text, letter } of byReason(notes)) {
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
