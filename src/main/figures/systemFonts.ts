/**
 * Fonts of this machine, asked for one character at a time: the usual folders of Linux, macOS and Windows, read only when a label has a character
 * that no bundled font has (Chinese, Japanese, Korean...). Fonts that forbid embedding and variable fonts are passed over.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { countFaces, readFont, type FontFace } from '../../shared/figures/fonts/truetype.ts';

export function systemFontFolders(platform: NodeJS.Platform = process.platform, home = homedir()): string[] {
  if (platform === 'darwin') return ['/System/Library/Fonts', '/Library/Fonts', join(home, 'Library/Fonts')];
  if (platform === 'win32')
    return [join(process.env['WINDIR'] ?? 'C:\\Windows', 'Fonts'), join(home, 'AppData/Local/Microsoft/Windows/Fonts')];
  return ['/usr/share/fonts', '/usr/local/share/fonts', join(home, '.fonts'), join(home, '.local/share/fonts')];
}

/** Names that promise many scripts come first: fewer files are opened before a character is found. */
const likely =
  /cjk|han|noto ?sans|wqy|droid|unicode|unifont|gothic|mincho|simsun|msyh|malgun|batang|hei|song|kai|ipa|vlgothic|nanum|arphic|uming|ukai/i;

function fontFiles(folders: readonly string[]): string[] {
  const files: string[] = [];
  for (const folder of folders) {
    let entries;
    try {
      entries = readdirSync(folder, { withFileTypes: true, recursive: true });
    } catch {
      // A folder that this machine does not have, or does not let us read, holds no fonts for us.
      continue;
    }
    for (const entry of entries)
      if (entry.isFile() && /\.(ttf|ttc|otf|otc)$/i.test(entry.name)) files.push(join(entry.parentPath, entry.name));
  }
  const plain = (file: string): number => (/bold|italic|oblique|light|thin|black|heavy|mono/i.test(file) ? 1 : 0);
  return files.sort(
    (a, b) => Number(likely.test(b)) - Number(likely.test(a)) || plain(a) - plain(b) || (a < b ? -1 : 1),
  );
}

/** Finds the first usable face with a glyph for a character. Each file is opened at most once; the faces found first are tried first. */
export function systemFaceFinder(
  folders: readonly string[] = systemFontFolders(),
): (codePoint: number) => FontFace | undefined {
  let waiting: string[] | undefined;
  const opened: FontFace[] = [];
  const usable = (face: FontFace): boolean =>
    !face.isVariable && (face.embedding & 0x000f) !== 2 && (face.isTrueType || face.tables.has('CFF '));
  return (codePoint) => {
    const known = opened.find((face) => face.glyphOf(codePoint) !== 0);
    if (known) return known;
    waiting ??= fontFiles(folders);
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const before = opened.length;
      try {
        const bytes = new Uint8Array(readFileSync(file));
        for (let index = 0; index < countFaces(bytes); index++) {
          const face = readFont(bytes, index);
          if (usable(face)) opened.push(face);
        }
      } catch {
        // A damaged or unreadable font file is as good as none: the search goes on.
      }
      const fallback = opened.slice(before).find((face) => face.glyphOf(codePoint) !== 0);
      if (fallback) return fallback;
    }
    return undefined;
  };
}
