/** The font library of the main side: bundled files from resources/fonts, then fonts of this machine for characters that those lack. */
import { readFileSync } from 'node:fs';
import { fontLibrary, type FontLibrary } from '../../shared/figures/fonts/library.ts';
import { systemFaceFinder } from './systemFonts.ts';

export interface FontOptions {
  /** Folder of the bundled fonts; resources/fonts of the checkout by default. */
  readonly folder?: URL;
  /** Look for fonts of the machine; true by default. */
  readonly system?: boolean;
  /** Where fonts of the machine are looked for, in place of the usual folders. */
  readonly systemFolders?: readonly string[];
}

/** Reads a font when a character first needs it. Make one library and keep it. */
export function loadFonts(options: FontOptions = {}): FontLibrary {
  const folder = options.folder ?? new URL('../../../resources/fonts/', import.meta.url);
  const load = (file: string): Uint8Array => new Uint8Array(readFileSync(new URL(file, folder)));
  return fontLibrary(load, options.system === false ? undefined : systemFaceFinder(options.systemFolders));
}
