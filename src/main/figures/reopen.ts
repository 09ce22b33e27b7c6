/** "Reopen figure": the specification and recipe inside an exported SVG, PDF or PNG file. */
import { PDFDict, PDFDocument, PDFName, PDFRawStream, decodePDFRawStream } from '@cantoo/pdf-lib';
import { InputError } from '../../shared/errors.ts';
import { withCarried } from '../../shared/figures/carried.ts';
import { documentKey, readSvgDocument, unpackDocument, type FigureDocument } from '../../shared/figures/metadata.ts';
import { parseRecipe, type FigureRecipe } from '../../shared/figures/recipe.ts';
import { parseJson } from '../../shared/validation.ts';
import { fromBase64 } from '../../shared/base64.ts';
import { pieceName } from './pdf.ts';

const noFigure =
  'holds no figure to reopen: it was not exported by this program, or another one has removed the metadata';

/** Reads any of the three by its first bytes. Raises `InputError` if the file is another, damaged, or holds no figure. */
export async function reopenFigure(bytes: Uint8Array): Promise<FigureDocument> {
  const start = new TextDecoder('latin1').decode(bytes.subarray(0, 1024));
  if (start.startsWith('%PDF-')) return reopenPdf(bytes);
  if (start.startsWith('PNG\r\n', 1)) return reopenPng(bytes);
  if (/<svg[\s>]/.test(start)) return readSvgDocument(new TextDecoder().decode(bytes));
  throw new InputError('only SVG, PDF and PNG files exported by this program, and recipes as JSON, can be reopened');
}

/** Recipes in a JSON file (one, or a list of them) or in an exported figure, with the numbers that it carries. Raises InputError if there is none; `name` is for its message. */
export async function recipesIn(bytes: Uint8Array, name: string): Promise<FigureRecipe[]> {
  const start = new TextDecoder().decode(bytes.subarray(0, 64)).trimStart();
  if (start.startsWith('{') || start.startsWith('[')) {
    const content = parseJson(new TextDecoder().decode(bytes), name);
    return (Array.isArray(content) ? (content as unknown[]) : [content]).map((each) => parseRecipe(each, name));
  }
  let document: FigureDocument;
  try {
    document = await reopenFigure(bytes);
  } catch (error) {
    throw error instanceof InputError ? new InputError(`${name}: ${error.message}`, { cause: error }) : error;
  }
  const { recipe } = document;
  if (recipe === undefined)
    throw new InputError(`${name} was exported without a recipe, so it cannot be drawn of stored results`);
  return [withCarried({ ...document, recipe })];
}

async function reopenPdf(bytes: Uint8Array): Promise<FigureDocument> {
  let packed: Uint8Array | undefined;
  try {
    const doc = await PDFDocument.load(bytes, { updateMetadata: false });
    const piece = doc
      .getPages()[0]
      ?.node.lookupMaybe(PDFName.of('PieceInfo'), PDFDict)
      ?.lookupMaybe(PDFName.of(pieceName), PDFDict);
    const stream = piece?.lookup(PDFName.of('Private'));
    if (stream instanceof PDFRawStream) packed = decodePDFRawStream(stream).decode();
  } catch (error) {
    throw new InputError('this PDF cannot be read: it is damaged or encrypted', { cause: error });
  }
  if (!packed) throw new InputError(`this PDF ${noFigure}`);
  return unpackDocument(packed);
}

function reopenPng(bytes: Uint8Array): FigureDocument {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const latin = new TextDecoder('latin1');
  for (let at = 8; at + 12 <= bytes.length;) {
    const length = view.getUint32(at);
    const type = latin.decode(bytes.subarray(at + 4, at + 8));
    if (type === 'iTXt') {
      const text = latin.decode(bytes.subarray(at + 8, at + 8 + length));
      if (text.startsWith(`${documentKey}\0`)) return unpackDocument(fromBase64(text.slice(documentKey.length + 5)));
    }
    at += 12 + length;
  }
  throw new InputError(`this PNG ${noFigure}`);
}
