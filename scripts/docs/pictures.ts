/** The figures in the documents: the experiment that each is drawn from, and the command that draws it. */
import type { FigureName } from '../../src/shared/figures/catalogue.ts';

/** Experiments by the names that pictures use for them; each is a file that readers can run. */
export const experiments = {
  network: 'docs/gallery/network.json',
  rates: 'docs/gallery/rates.json',
  few: 'docs/gallery/few-samples.json',
} as const;

export interface Picture {
  /** Below docs/images, without its ending. */
  readonly file: string;
  readonly of: keyof typeof experiments;
  readonly figure: FigureName;
  /** Options of the command, except its runs, formats and folder. */
  readonly options: readonly string[];
  /** What the picture shows, as the page says it. */
  readonly caption: string;
}

const layer = ['--parameter', 'fc2'];

/** Every figure once, in the order in which the gallery shows them. */
export const gallery: readonly Picture[] = [
  { file: 'gallery/c-h', of: 'network', figure: 'C_H', options: layer, caption: 'The noise along each eigenvector of H against the curvature there. The slope above the cutoff is γ; grey lines have slopes 1 and 2.' },
  { file: 'gallery/c-h-cross-fitted', of: 'network', figure: 'C_H', options: [...layer, '--set', 'estimand=cross_fitted'], caption: 'The same, with directions from one half of the samples and values from the other half.' },
  { file: 'gallery/c-q', of: 'network', figure: 'C_Q', options: layer, caption: 'Noise against the mean squared Hessian of single samples: the slope is 1 if they are proportional.' },
  { file: 'gallery/q-h', of: 'network', figure: 'Q_H', options: layer, caption: 'The exponent that the theory predicts for γ.' },
  { file: 'gallery/spectra', of: 'network', figure: 'spectra', options: layer, caption: 'Eigenvalues of H, C and Q against their rank.' },
  { file: 'gallery/heatmap', of: 'network', figure: 'heatmap', options: [...layer, '--set', 'leading=60'], caption: 'The leading 60 rows of C in the eigenbasis of H: diagonal if the two commute.' },
  { file: 'gallery/overlap', of: 'network', figure: 'overlap', options: [...layer, '--set', 'leading=30'], caption: 'Squared overlaps of the leading eigenvectors of C with those of H.' },
  { file: 'gallery/gamma-cutoff', of: 'network', figure: 'gamma_cutoff', options: layer, caption: 'How γ depends on the number of directions in the fit, for both estimands, with 95 % intervals; open markers show what Q predicts.' },
  { file: 'gallery/gamma-layers', of: 'network', figure: 'gamma_layers', options: [], caption: 'γ of every measured layer.' },
  { file: 'gallery/gamma-hyperparameter', of: 'rates', figure: 'gamma_hyperparameter', options: ['--set', 'field=optimiser.lr'], caption: 'γ of a layer against a setting that differs between runs, here three learning rates with three seeds each.' },
  { file: 'gallery/evolution', of: 'network', figure: 'evolution', options: ['--parameter', 'fc3', '--set', 'steps=log'], caption: 'γ, sharpness, traces and loss over training.' },
  { file: 'gallery/curves', of: 'rates', figure: 'curves', options: ['--set', 'scale=log'], caption: 'The loss of nine runs: mean over seeds with its 95 % band.' },
  { file: 'gallery/duality', of: 'network', figure: 'duality', options: layer, caption: 'The covariance predicted by activity-weight duality, against C.' },
  { file: 'gallery/isotropy', of: 'network', figure: 'isotropy', options: layer, caption: 'Second moments of the dual weight changes: the slope is 0 if they are isotropic.' },
  { file: 'gallery/assumptions', of: 'network', figure: 'assumptions', options: layer, caption: 'The slope of C on each matrix that is used in its place.' },
  { file: 'gallery/density', of: 'network', figure: 'density', options: layer, caption: 'The density of the eigenvalues of H by stochastic Lanczos quadrature, with its error.' },
  { file: 'gallery/mechanism', of: 'network', figure: 'mechanism', options: layer, caption: 'Why γ_Q is above or below 1: how Q_ii / H_ii depends on the curvature.' },
  { file: 'gallery/fluctuations', of: 'network', figure: 'fluctuations', options: layer, caption: 'The variance of the weights about their mean as SGD continues, and what C and H predict for it.' },
  { file: 'gallery/flatness', of: 'network', figure: 'flatness', options: layer, caption: 'The same variance against the flatness of the loss.' },
  { file: 'gallery/samples', of: 'network', figure: 'samples', options: layer, caption: 'The distribution of the curvature of single samples along some directions.' },
]; // prettier-ignore

/** Figures of the page on gamma (docs/gamma.md) that are not in the gallery. */
export const ofGamma: readonly Picture[] = [
  { file: 'gamma/cutoff-few', of: 'few', figure: 'gamma_cutoff', options: layer, caption: '500 samples.' },
];

/** The command that draws a picture, as a reader types it; RUN stands for the runs of its experiment. */
export function commandOf({ figure, options }: Picture, runs = 'RUN'): string {
  const words = options.map((word) => (/[^\w.=,-]/.test(word) ? `'${word}'` : word));
  return ['covature export', runs, '--figure', figure, ...words, '--preset prl-1 --format svg --out figures'].join(' ');
}
