/**
 * The table of contents of a bundle: which runs and figures it holds, and the size and SHA-256 of every file. A bundle is a zip archive for a paper's
 * supplement: runs, figures with their recipes and numbers, the environment, scripts that redraw and rerun, a README.
 */
import * as v from 'valibot';
import { InputError } from '../../shared/errors.ts';
import { integer, parseWith } from '../../shared/validation.ts';
import type { EngineOptions } from '../jobs/protocol.ts';

export const bundleVersion = 1;
export const manifestName = 'manifest.json';
/** Every file except this one, in the format of `sha256sum --check`. */
export const checksumsName = 'SHA256SUMS';

const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'expected a SHA-256 in hexadecimal'));
/**
 * The linear algebra that draws the figures of bundles, here and when they are checked: the program's own kernels. Libraries choose signs of eigenvectors, and bases where
 * eigenvalues are equal, each in its own way; these kernels give the same on every machine.
 */
export function drawingEngine(engine: EngineOptions): EngineOptions {
  return { ...engine, blas: 'wasm' };
}

/** A path within the archive: names between slashes, none of which leads outside it. */
const place = v.pipe(
  v.string(),
  v.check(
    (text) => text !== '' && text.split('/').every((part) => !['', '.', '..'].includes(part)) && !/[\\\0]/.test(text),
    'expected a path inside the archive',
  ),
);

const manifestSchema = v.strictObject({
  format: v.literal('covature-bundle'),
  version: v.literal(bundleVersion),
  /** ISO 8601. */
  created: v.string(),
  /** What made the bundle and drew its figures. */
  software: v.string(),
  runs: v.array(
    v.strictObject({
      id: v.string(),
      name: v.string(),
      /** A .covature file, as "covature import" takes it. */
      file: place,
      /** What trained and measured it; null if the run does not say. */
      software: v.nullable(v.string()),
    }),
  ),
  figures: v.array(
    v.strictObject({
      name: v.string(),
      /** How it is drawn. */
      recipe: place,
      /** What is drawn, number by number (CSV). */
      numbers: place,
      /** The figure itself, in each of its formats. */
      drawn: v.array(place),
    }),
  ),
  files: v.array(v.strictObject({ name: place, bytes: integer(0), sha256 })),
});
export type Manifest = v.InferOutput<typeof manifestSchema>;
export type ListedFile = Manifest['files'][number];

/** Raises InputError naming what is wrong and where; of a later version, which one this program reads. */
export function parseManifest(input: unknown, what: string): Manifest {
  const { format, version } = (typeof input === 'object' && input !== null ? input : {}) as Record<string, unknown>;
  if (format === 'covature-bundle' && typeof version === 'number' && version > bundleVersion)
    throw new InputError(
      `${what}: this bundle has version ${version}, and this program reads version ${bundleVersion}; a newer Covature made it`,
    );
  return parseWith(manifestSchema, input, what);
}

/** The text of SHA256SUMS. */
export function checksumText(files: readonly ListedFile[]): string {
  return files.map(({ name, sha256 }) => `${sha256}  ${name}\n`).join('');
}

/** SHA-256 by name. Raises InputError naming a line that is not a checksum. */
export function parseChecksums(text: string, what: string): Map<string, string> {
  const packages = new Map<string, string>();
  text.split('\n').forEach((line, i) => {
    if (line === '') return;
    const match = /^([0-9a-f]{64}) [ *](.+)$/.exec(line);
    if (match === null) throw new InputError(`${what}: line ${i + 1}: expected a SHA-256 and a name`);
    packages.set(match[2], match[1]);
  });
  return packages;
}
