/** The README of a bundle and its two scripts. */
import type { Json, RunRecord } from '../store/index.ts';
import type { Manifest } from './manifest.ts';

/** What a reader has to know about a run to repeat it. */
export interface RunOrigin {
  readonly seed: number | null;
  /** Name and hash of the data it was trained on, if the run says. */
  readonly dataset: { readonly name: string; readonly hash: string } | null;
  /** The file or folder that the data come from; null for data that the program draws itself. */
  readonly path: string | null;
  /** "OpenBLAS 0.3.21, 2 threads, Intel Xeon". */
  readonly computedWith: string | null;
}

interface Recorded {
  readonly dataset?: { readonly name: string; readonly hash: string };
  readonly engine?: { readonly blas?: string; readonly threads?: number; readonly processor?: string };
}

export function originOf(run: RunRecord): RunOrigin {
  const { dataset, engine } = (run.provenance ?? {}) as Recorded;
  const { path } = ((run.experiment as { readonly dataset?: { readonly path?: Json } } | null)?.dataset ?? {}) as {
    readonly path?: unknown;
  };
  const parts = [
    engine?.blas,
    engine?.threads === undefined ? undefined : `${engine.threads} thread${engine.threads === 1 ? '' : 's'}`,
    engine?.processor,
  ].filter((part) => part !== undefined);
  return {
    seed: run.seed,
    dataset: dataset === undefined ? null : { name: dataset.name, hash: dataset.hash },
    path: typeof path === 'string' ? path : null,
    computedWith: parts.length === 0 ? null : parts.join(', '),
  };
}

/** README.md: what is in the archive, how it is checked, redrawn and run again. */
export function readmeText(
  { created, software, runs, figures }: Pick<Manifest, 'created' | 'software' | 'runs' | 'figures'>,
  origins: readonly RunOrigin[],
): string {
  const listedRuns = runs.flatMap((run, k) => {
    const { seed, dataset, path, computedWith } = origins[k];
    return [
      `- **${run.name}**: run \`${run.id}\`, \`${run.file}\``,
      ...(seed === null ? [] : [`  - seed ${seed}`]),
      ...(dataset === null ? [] : [`  - data: ${dataset.name}, hash \`${dataset.hash}\``]),
      ...(path === null
        ? []
        : [
            `  - its data are read from \`${path}\`, which is not in this archive: to run it again, they must be available at that path`,
          ]),
      `  - software: ${run.software ?? 'not recorded'}`,
      ...(computedWith === null ? [] : [`  - computed with ${computedWith}`]),
    ];
  });
  const listedFigures = figures.map(
    ({ name, drawn, recipe, numbers }) =>
      `- **${name}**: ${drawn.map((file) => `\`${file}\``).join(', ')}; recipe \`${recipe}\`; the numbers drawn \`${numbers}\``,
  );
  return `# Runs and figures

Made by ${software} on ${created.slice(0, 10)}. Covature trains networks, measures the covariance C of the noise of stochastic gradient descent and the Hessian H of
the loss, and keeps what it found with where it came from.

## Runs

${listedRuns.join('\n')}

## Figures

${figures.length === 0 ? 'None.' : listedFigures.join('\n')}

## Checking

Covature runs on Node 22.14 or newer, without a compiler; after it is installed it needs no network. With the archive as it came:

    covature bundle --verify ARCHIVE.zip
    covature bundle --verify ARCHIVE.zip --rerun

The first compares every checksum, imports every run, draws every figure again and compares its numbers. The second trains and measures every run again too, which
takes as long as it took, and compares the final weights bit for bit and every result; on another machine or library they differ by rounding.
\`sha256sum --check SHA256SUMS\` compares the checksums alone. Figures were drawn with the program's own WebAssembly kernels and are checked with them, because libraries choose
signs of eigenvectors, and bases where eigenvalues are equal, each in its own way.

Unpacked, \`sh redraw.sh\` draws the figures again into \`redrawn/\`, and \`sh rerun.sh\` repeats the runs. Both use a store of their own. COVATURE says how the program
is called, "covature" by default; from a checkout: \`COVATURE="node '/path/to/checkout/scripts/covature.mjs'" sh redraw.sh\`.

## What else is here

- \`environment.json\`: software, packages, processor, operating system, library and threads, of the bundle and of every run
- \`manifest.json\`: size and SHA-256 of every file; \`SHA256SUMS\`: the same for \`sha256sum\`
`;
}

const scriptHead = (what: string): string => `#!/bin/sh
# ${what} COVATURE says how the program is called, as a shell reads it.
set -eu
cd "$(dirname "$0")"
: "\${COVATURE:=covature}"
program() { eval "$COVATURE \\"\\$@\\""; }
store=$(mktemp -d)
trap 'rm -rf "$store"' EXIT
`;

const importLines = (runs: Manifest['runs']): string =>
  runs.map(({ file }) => `program import ${quoted(file)} --store "$store"\n`).join('');

/** redraw.sh: one command, which names the figures by their recipes, as they are named in the archive. */
export function redrawScript({ runs, figures }: Pick<Manifest, 'runs' | 'figures'>): string {
  const head =
    scriptHead('Draws every figure again from the runs beside it, into the folder redrawn.') + importLines(runs);
  if (figures.length === 0) return head;
  const endings = figures.flatMap(({ drawn }) => drawn.map((file) => file.slice(file.lastIndexOf('.') + 1)));
  const recipes = figures.map(({ recipe }) => ` \\\n  --recipe ${quoted(recipe)}`).join('');
  return `${head}program export --blas wasm --format ${[...new Set([...endings, 'csv'])].join(',')} --out redrawn --store "$store"${recipes}\n`;
}

/** rerun.sh: a run that differs does not keep the others from being repeated. */
export function rerunScript({ runs }: Pick<Manifest, 'runs'>): string {
  const lines = runs.map(({ id }) => `program rerun ${quoted(id)} --store "$store" || status=1\n`);
  return `${scriptHead('Trains and measures every run again and compares; ends with 1 if one differs.')}${importLines(runs)}status=0\n${lines.join('')}exit "$status"\n`;
}

/** One word of a POSIX shell. */
function quoted(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
