/** What the launcher tells the user. Always on stderr: stdout belongs to the command that is launched. */
import process from 'node:process';

/** A failure that is reported in plain words, without a stack trace: what is wrong and how to fix it. */
export class SetupError extends Error {}

/** The user stopped the set-up. */
export class Interrupted extends Error {
  /** @param {NodeJS.Signals} signal */
  constructor(signal) {
    super(`stopped by ${signal}`);
    this.signal = signal;
  }
}

/** @param {string} text one line */
export function say(text) {
  process.stderr.write(`covature: ${text}\n`);
}

/**
 * "850 ms", "12 s", "3 min 20 s".
 * @param {number} milliseconds
 */
export function duration(milliseconds) {
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  const seconds = Math.round(milliseconds / 1000);
  return seconds < 120 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
