/** The small print: statements of a figure, those of a panel behind its letter. */

/** Between what was left out and the reason. */
const omission = ' not drawn: ';

/** Whether a statement says what was left out, and why. */
export function saysOmission(note: string): boolean {
  return note.includes(omission);
}

interface Note {
  readonly text: string;
  /** Of the panel that it is about, "(a)"; empty if about the whole figure. */
  readonly letter: string;
}

/** What of one panel is left out for one reason is one statement: "1 of 9 values, 1 of 4 means not drawn: not positive". */
function byReason(notes: readonly Note[]): Note[] {
  const out: Note[] = [];
  for (const note of notes) {
    const [subject, reason] = note.text.split(omission);
    const same = out.findIndex(({ text, letter }) => letter === note.letter && text.split(omission)[1] === reason);
    if (reason === undefined || same < 0) out.push(note);
    else {
      const subjects = out[same].text.split(omission)[0].split(', ');
      if (!subjects.includes(subject)) subjects.push(subject);
      out[same] = { ...note, text: subjects.join(', ') + omission + reason };
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
