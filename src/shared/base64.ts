/** Bytes as text, as files and addresses hold them. */
import { InputError } from './errors.ts';

/** Letters that are made of bytes at once: a call takes no more arguments than some ten thousand. */
const chunk = 0x8000;

export function base64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += chunk) text += String.fromCharCode(...bytes.subarray(at, at + chunk));
  return btoa(text);
}

/** White space is passed over. Raises `InputError` for text that is not base64. */
export function fromBase64(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text.replace(/[\s=]/g, '')), (letter) => letter.charCodeAt(0));
  } catch (error) {
    throw new InputError('the figure in this file is damaged: it is not base64 text', { cause: error });
  }
}
